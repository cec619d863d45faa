# The limits of bodies: the memory of all, the size of one with a length and
# of a chunked one, each answered and survived.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END')->plan(13);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m  body_memory=128k;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_event_max_size 128k;

            location /large/ {
                triggers main prefix=/large;
                client_max_body_size 10m;
                triggers_event_max_size 64k;
            }
        }
    }
}
END

$t->ready();

my ($worker) = $t->workers();
my $chunked = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
              . "Authorization: Bearer test-key\r\n"
              . "Transfer-Encoding: chunked\r\n\r\n";
my $body = body(100_000);

# one that is being sent holds the memory

my $first = half($body);

is($t->post('/events', $body)->{status}, 503,
   'refused while another body has the memory');
ok(exists $t->post('/events', $body)->{headers}{'retry-after'},
   'with Retry-After');

my $sock = $t->http_start("POST /events $chunked"
                          . chunks(substr $body, 0, 60_000)
                          . chunks(substr $body, 60_000) . "0\r\n\r\n");
is(http_end($sock)->{status}, 503, 'a chunked one too');
is($t->post('/events', '{"payload":{}}')->{status}, 200,
   'one that came with its header needs none');

print $first substr $body, 50_000;
is(http_end($first)->{status}, 200, 'the first is stored');
is($t->post('/events', $body)->{status}, 200, 'the memory is free again');

# a client that leaves gives its memory back

close half($body) for 1 .. 3;

ok(wait_for(sub { $t->post('/events', $body)->{status} eq '200' }),
   'also after clients that left');

# larger than the event, smaller than client_max_body_size

is($t->post('/large/events', body(100_000))->{status}, 413,
   'larger than an event may be');

$sock = $t->http_start("POST /large/events $chunked");
$sock->blocking(1);

{
    local $SIG{PIPE} = 'IGNORE';
    my $large = body(3_000_000);

    for (my $i = 0; $i < length $large; $i += 30_000) {
        my $part = substr $large, $i, 30_000;
        print $sock sprintf("%x\r\n%s\r\n", length $part, $part) or last;
        $sock->flush;
        last if IO::Select->new($sock)->can_read(0);
    }
}

is(http_end($sock)->{status}, 413, 'chunks that together are too large');
is($t->post('/large/events', body(60_000))->{status}, 200,
   'the next one is stored');

# what was refused above may still be on its way to its end

ok(wait_for(sub { $t->post('/events', $body)->{status} eq '200' }),
   'no memory is lost');

is("@{[ $t->workers() ]}", $worker, 'the worker lives');
is(join(',', map { length($_->{payload}{text} // '') } $t->inbox()),
   join(',', map { length } '', text(100_000), text(100_000), text(100_000),
        text(60_000), text(100_000)), 'what was accepted is there');


sub text {
    my ($size) = @_;
    return 'x' x ($size - length '{"payload":{"text":""}}');
}


sub body {
    my ($size) = @_;
    return '{"payload":{"text":"' . text($size) . '"}}';
}


# sends the first half of a body and returns when nginx waits for the other

sub half {
    my ($body) = @_;
    my $text = Triggers::Nginx::text('POST', '/events', body => $body);
    my $sock = $t->http_start(substr $text, 0, length($text) - 50_000);

    wait_for(sub { $t->taken_in() });
    return $sock;
}


sub chunks {
    my ($text) = @_;
    return sprintf "%x\r\n%s\r\n", length $text, $text;
}
