# Bodies as clients may send them: in pieces, chunked, slowly, larger than the
# buffer, with HTTP/1.0, with Expect, or not to their end.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(17);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;

            location /small/ {
                triggers main prefix=/small;
                client_body_buffer_size 1k;
            }

            location /file/ {
                triggers main prefix=/file;
                client_body_in_file_only clean;
            }

            location /mirrored/ {
                triggers main prefix=/mirrored;
                mirror /copy;
            }

            location = /copy {
                internal;
                return 204;
            }
        }
    }
}
END

my $Head = "POST /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
           . "Authorization: Bearer test-key\r\n";

$t->ready();

# byte by byte

my $body = '{"payload":{"how":"slow"}}';
my $sock = $t->http_start($Head . 'Content-Length: ' . length($body)
                          . "\r\n\r\n");

for my $byte (split //, $body) {
    syswrite $sock, $byte;
    sleep 0.002;
}

is(http_end($sock)->{status}, 200, 'byte by byte');

# chunks that are cut anywhere

$sock = $t->http_start($Head . "Transfer-Encoding: chunked\r\n\r\n");

for my $part ("1", "c\r\n{\"payload\":{\"ho", "w\":\"chunked\"}\r", "\n1",
              "\r\n}\r\n0\r\n", "\r\n")
{
    syswrite $sock, $part;
    sleep 0.01;
}

is(http_end($sock)->{status}, 200, 'chunked');

# HTTP/1.0

$sock = $t->http_start("POST /events HTTP/1.0\r\n"
                       . "Authorization: Bearer test-key\r\n"
                       . "Content-Length: 25\r\n\r\n"
                       . '{"payload":{"how":"1.0"}}');
is(http_end($sock)->{status}, 200, 'HTTP/1.0');

# Expect

$sock = $t->http_start($Head . "Expect: 100-continue\r\n"
                       . "Content-Length: 28\r\n\r\n");
ok(wait_for(sub { IO::Select->new($sock)->can_read(0.1) }), 'continue');
print $sock '{"payload":{"how":"expect"}}';
is(http_end($sock)->{status}, 200, 'Expect');

# larger than the buffer, in a file, as large as may be

my $large = sub {
    my ($how, $size) = @_;
    return sprintf '{"payload":{"how":"%s","text":"%s"}}', $how, 'x' x $size;
};

is($t->post('/small/events', $large->('small', 5000))->{status}, 200,
   'larger than its buffer');
is($t->post('/small/events', $large->('small', 500000))->{status}, 200,
   'much larger than its buffer');
is($t->post('/file/events', $large->('file', 5000))->{status}, 200,
   'in a file');
is($t->post('/events', $large->('large', 1048576 - 38))->{status}, 200,
   'as large as may be');

# a body that another module has read, in memory and into a file

$t->post('/mirrored/events', $large->('mirrored', $_)) for 400, 40_000;

# a client that leaves in the middle of its body

$sock = $t->http_start($Head . "Content-Length: 100\r\n\r\n"
                       . '{"payload":{"how":"gone"');
close $sock;

is($t->post('/events', '{"payload":{"how":"after"}}')->{status}, 200,
   'after a client that left');

# a refused body does not disturb the next request of the connection

$sock = $t->connect();
print $sock Triggers::Nginx::text('POST', '/events', sock => $sock,
                                  key => undef, body => 'x' x 100000);
is(http_read($sock)->{status}, 401, 'refused before its body is read');

print $sock Triggers::Nginx::text('GET', '/v1/health', sock => $sock);
is(http_read($sock)->{status}, 200, 'the next one is answered');

my %sizes;

for my $event ($t->inbox()) {
    my $p = $event->{payload};
    push @{$sizes{$p->{how}}}, length($p->{text} // '');
}

is(join(',', sort keys %sizes),
   '1.0,after,chunked,expect,file,large,mirrored,slow,small', 'all are there');
is("@{$sizes{small}}", '5000 500000', 'whole');
is("@{$sizes{file}}", '5000', 'whole from a file');
is("@{$sizes{mirrored}}", '400 40000', 'whole after mirror');
is("@{$sizes{large}}", 1048576 - 38, 'whole as large as may be');
