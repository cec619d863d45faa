
/*
 * Measures what one commit of a database costs at least: the time of a write
 * of 8 KiB, as a small transaction makes it, and fdatasync() after it, in a
 * new file of a folder.  The file is written round and round, as a WAL is.
 * Prints the median and the 99th percentile in microseconds.
 *
 *     fsync FOLDER [COUNT]
 */


#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define BENCH_WRITE   8192
#define BENCH_WRITES  512              /* then from the start again */


static double bench_sync(int fd, int n);
static int bench_compare(const void *one, const void *two);


int
main(int argc, char **argv)
{
    int      fd, i, count;
    char     path[4096];
    double  *us;

    count = (argc > 2) ? atoi(argv[2]) : 2000;

    if (argc < 2 || count < 1) {
        fprintf(stderr, "usage: fsync FOLDER [COUNT]\n");
        return 2;
    }

    snprintf(path, sizeof(path), "%s/fsync.XXXXXX", argv[1]);

    fd = mkstemp(path);
    if (fd == -1) {
        perror(path);
        return 1;
    }

    (void) unlink(path);

    us = malloc(count * sizeof(double));
    if (us == NULL) {
        return 1;
    }

    /* the file grows in a first round, which is not measured */

    for (i = 0; i < BENCH_WRITES; i++) {
        (void) bench_sync(fd, i);
    }

    for (i = 0; i < count; i++) {
        us[i] = bench_sync(fd, i % BENCH_WRITES);
    }

    qsort(us, count, sizeof(double), bench_compare);

    printf("%.1f %.1f\n", us[count / 2], us[count * 99 / 100]);

    free(us);
    (void) close(fd);

    return 0;
}


static double
bench_sync(int fd, int n)
{
    struct timespec  start, end;

    static char  buf[BENCH_WRITE];

    memset(buf, n, sizeof(buf));

    clock_gettime(CLOCK_MONOTONIC, &start);

    if (pwrite(fd, buf, sizeof(buf), (off_t) n * BENCH_WRITE) != sizeof(buf)
        || fdatasync(fd) == -1)
    {
        perror("fsync");
        exit(1);
    }

    clock_gettime(CLOCK_MONOTONIC, &end);

    return (end.tv_sec - start.tv_sec) * 1e6
           + (end.tv_nsec - start.tv_nsec) / 1e3;
}


static int
bench_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}
