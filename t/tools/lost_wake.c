
/*
 * Kills the drainer in the instant between its commit and the datagram that
 * tells of it, for the fault suite: a library that is preloaded into nginx.
 * The first thread (not the main one, whose datagrams are other ones) that
 * sends while the file LOST_WAKE_CONTROL exists removes the file and dies
 * with its process.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


ssize_t
sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *addr, socklen_t addrlen)
{
    char  *control;

    static ssize_t (*next)(int, const void *, size_t, int,
                           const struct sockaddr *, socklen_t);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "sendto");
    }

    control = getenv("LOST_WAKE_CONTROL");

    if (control && addr && addr->sa_family == AF_UNIX
        && gettid() != getpid() && unlink(control) == 0)
    {
        kill(getpid(), SIGKILL);
        pause();
    }

    return next(fd, buf, len, flags, addr, addrlen);
}
