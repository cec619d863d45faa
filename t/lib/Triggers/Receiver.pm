package Triggers::Receiver;

# An endpoint that t/tools/receiver.js plays, see there for its paths:
#
#     my $r = Triggers::Receiver->new(dir => $t->{dir}, secrets => [$secret]);
#     ... triggers_deliver  @{[ $r->url('/ok') ]} ...
#     my ($first) = $r->wait(1, path => '/ok');
#
# It ends with the object.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw( sleep );

use Triggers::Nginx ();

my $Count = 0;


# dir: where its log is; secrets: those that it verifies with; key, cert:
# files, for TLS

sub new {
    my ($class, %args) = @_;
    my $self = bless { secrets => [], owner => $$, %args }, $class;

    $self->{log} = "$self->{dir}/receiver" . ++$Count . '.log';

    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        $ENV{NODE_PATH} = "$Triggers::Nginx::Root/build/node_modules";
        ($ENV{RECEIVER_KEY}, $ENV{RECEIVER_CERT}) = @$self{qw( key cert )}
            if $self->{key};
        delete @ENV{qw( LD_PRELOAD )};
        open STDIN, '<', '/dev/null';
        exec 'node', "$Triggers::Nginx::Root/t/tools/receiver.js",
             $self->{log}, @{ $self->{secrets} } or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    my ($ports) = Triggers::Nginx::wait_for(sub { $self->lines() })
        or die 'the receiver did not start';

    ($ports) = $self->lines();
    @$self{qw( port tls )} = @$ports{qw( port tls )};

    return $self;
}


sub url {
    my ($self, $path) = @_;

    return "http://127.0.0.1:$self->{port}$path";
}


sub tls_url {
    my ($self, $path) = @_;

    return "https://localhost:$self->{tls}$path";
}


sub lines {
    my ($self) = @_;

    open my $in, '<', $self->{log} or return;

    return map { JSON::PP::decode_json($_) } grep { /\n\z/ } <$in>;
}


# the requests so far, in their order; where: members and their values

sub requests {
    my ($self, %where) = @_;
    my (undef, @requests) = $self->lines();

    return grep {
        my $r = $_;
        !grep { ($r->{$_} // '') ne $where{$_} } keys %where;
    } @requests;
}


# waits for n of them, and returns what has come by then

sub wait {
    my ($self, $n, %where) = @_;

    Triggers::Nginx::wait_for(sub { $self->requests(%where) >= $n },
                              $self->{patience});

    return $self->requests(%where);
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner} || !$self->{pid};

    local $?;
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}


1;
