package Triggers::Port;

# Ports for servers of tests, of which several may run at once.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw( SOCK_DGRAM );

my @Reserved;


# A port that nobody listens on and that no other test has been given: a name
# in the kernel reserves it until this process ends.
#
# Not one of those that the kernel gives to clients: while a server is down, one
# that connects again and again would be given the very port at last, connect to
# itself, and be in the way of the next bind().

sub free {
    for (1 .. 1000) {
        my $port = 10000 + int rand 20000;
        my $name = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
                                         Local => "\0triggers-test-port-$port")
            or next;

        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                              Listen => 1, ReuseAddr => 1) or next;

        push @Reserved, $name;
        return $port;
    }

    die "no free port\n";
}


1;
