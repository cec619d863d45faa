package Triggers::Stream;

# A client of GET /api/stream: server-sent events, read as the standard says
# (WHATWG HTML, section 9.2.6).
#
#     my $s = Triggers::Stream->open($t, '/api/stream?types=log');
#     my $message = $s->next();            # { event, id, data, json }
#     my @logs = $s->until(sub { $_->{event} eq 'end' });
#
# Members: status, headers; last_id and retry, as the stream has set them;
# comments, their number; ended, the connection is closed.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw( time );

use Triggers::Nginx ();


# options are those of Triggers::Nginx::request(), and headers

sub open {
    my ($class, $t, $uri, %args) = @_;
    my $sock = delete $args{sock} // $t->connect(delete $args{port});
    my $self = bless { sock => $sock, buf => '', text => '', messages => [],
                       last_id => '', comments => 0, retry => undef,
                       ended => 0 }, $class;

    local $SIG{PIPE} = 'IGNORE';
    print $sock Triggers::Nginx::text('GET', $uri, sock => $sock, %args);
    $sock->flush;

    return $self;
}


# reads the header, unless that was done

sub start {
    my ($self, $limit) = @_;

    return $self if defined $self->{status};

    my $deadline = deadline($limit);

    while ($self->{buf} !~ /\r\n\r\n/) {
        $self->more($deadline) or last;
    }

    $self->{status} = '';
    $self->{buf} =~ s/^(.*?)\r\n\r\n//s or return $self;

    my ($line, @headers) = split /\r\n/, $1;
    ($self->{status}) = $line =~ m{^HTTP/\S+ (\d+)};
    $self->{headers} = { map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () }
                         @headers };

    return $self;
}


# the next message, or nothing when there is none in time or at the end

sub next {
    my ($self, $limit) = @_;
    my $deadline = deadline($limit);

    $self->start($limit);

    while (!@{$self->{messages}}) {
        $self->parse();
        last if @{$self->{messages}};
        $self->more($deadline) or return;
    }

    return shift @{$self->{messages}};
}


# messages up to the one for which the condition holds, that one included;
# nothing when it does not come

sub until {
    my ($self, $condition, $limit) = @_;
    my @seen;

    while (my $message = $self->next($limit)) {
        push @seen, $message;
        local $_ = $message;
        return @seen if $condition->();
    }

    return;
}


# all that comes until the stream ends

sub rest {
    my ($self, $limit) = @_;
    my @seen;

    while (my $message = $self->next($limit)) {
        push @seen, $message;
    }

    return @seen;
}


sub close {
    my ($self) = @_;
    close $self->{sock};
}


sub deadline {
    my ($limit) = @_;
    return time() + ($limit // 15) * $Triggers::Nginx::Scale;
}


sub more {
    my ($self, $deadline) = @_;

    return if $self->{ended};

    my $rc = Triggers::Nginx::read_more($self->{sock}, \$self->{buf},
                                        $deadline);

    $self->{ended} = 1 if defined $rc && !$rc;

    return $rc;
}


# chunks, lines, fields

sub parse {
    my ($self) = @_;

    if (($self->{headers}{'transfer-encoding'} // '') eq 'chunked') {
        while ($self->{buf} =~ /^([0-9a-fA-F]+)\r\n/
               && length $self->{buf} >= $+[0] + hex($1) + 2)
        {
            my ($at, $size) = ($+[0], hex $1);
            $self->{text} .= substr $self->{buf}, $at, $size;
            substr $self->{buf}, 0, $at + $size + 2, '';
            $self->{complete} = 1 if $size == 0;
        }

    } else {
        $self->{text} .= $self->{buf};
        $self->{buf} = '';
    }

    while ($self->{text} =~ s/^(.*?)\r?\n//) {
        $self->line($1);
    }
}


sub line {
    my ($self, $line) = @_;

    if ($line eq '') {
        my $message = delete $self->{message} // {};

        $self->{last_id} = delete $self->{id} if defined $self->{id};

        return if !defined $message->{data};

        $message->{event} //= 'message';
        $message->{id} = $self->{last_id};
        $message->{json} = eval { JSON::PP->new->utf8
                                          ->decode($message->{data}) };
        push @{$self->{messages}}, $message;
        return;
    }

    my ($name, $value) = $line =~ /^([^:]*)(?:: ?(.*))?$/s;

    if ($name eq '') {
        $self->{comments}++;

    } elsif ($name eq 'id') {
        $self->{id} = $value;

    } elsif ($name eq 'retry') {
        $self->{retry} = $value;

    } elsif ($name eq 'data' && defined $self->{message}{data}) {
        $self->{message}{data} .= "\n$value";

    } else {
        $self->{message}{$name} = $value;
    }
}


1;
