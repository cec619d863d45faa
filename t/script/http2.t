# The API over HTTP/2, with curl.

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use IPC::Open2 qw( open2 );
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my ($version) = `t/tools/nginx -v 2>&1` =~ m{/(\d+\.\d+\.\d+)};

plan(skip_all => 'no curl with HTTP/2')
    if `curl --version 2>/dev/null` !~ /\bHTTP2\b/;
plan(skip_all => 'nginx without HTTP/2')
    if `t/tools/nginx -V 2>&1` !~ /http_v2_module/;

my $on = sprintf('%d.%03d%03d', split /\./, $version) >= 1.025001;

my $t = Triggers::Nginx->new(config => <<"END")->plan(18);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%@{[ $on ? '' : ' http2' ]};
        listen  127.0.0.1:%%PORT_plain%%;
        @{[ $on ? 'http2 on;' : '' ]}

        location / {
            triggers main;
        }
    }
}
END

$t->start();
wait_for(sub { $t->get('/v1/health', port => $t->port('_plain'))
                 ->{status} eq '200' });

my ($code, $body) = curl('/events', '{"payload":{"n":1}}');

is($code, 200, 'posted');
like($body, qr/"accepted"/, 'accepted');

($code, $body) = curl('/events', sprintf '{"payload":{"n":2,"text":"%s"}}',
                      'x' x 1000000);
is($code, 200, 'a large event');

($code, $body) = curl('/events', '{"payload":[]}');
is($code, 400, 'a refused one');
like($body, qr/INVALID_PAYLOAD/, 'with its code');

# nginx answers this before it has read it, which curl may not see: the log does

curl('/events', sprintf '{"payload":{"text":"%s"}}', 'x' x 1100000);
ok(wait_for(sub { $t->read('access.log') =~ m{"POST /events HTTP/2.0" 413} }),
   'one that is too large');

($code, $body) = curl('/inbox?limit=1&order=asc');
is($code, 200, 'the inbox');
like($body, qr/"payload":\{"n":1\}/, 'has it');

($code, $body) = curl('/nothing/at/all');
is($code, 404, 'an unknown path');

# several DATA frames and no content-length

my $odd = "{ \"n\": 1.0,\"t\":\"\\u00e4\xc3\xa4\"}";

($code, $body) = stream('/events', '{"pay', 'load":', $odd, '}');
is($code, 200, 'a body in frames');
is(payload($body), $odd, 'byte for byte');

my $text = 'x' x (1048576 - length '{"payload":{"t":""}}');

($code, $body) = stream('/events', '{"payload":{"t":"',
                        unpack('(a300000)*', $text), '"}}');
is($code, 200, 'as large as may be');
is(payload($body), "{\"t\":\"$text\"}", 'byte for byte');

stream('/events', '{"payload":{"t":"x', unpack('(a300000)*', $text), '"}}');
ok(wait_for(sub { 2 == (() = $t->read('access.log')
                             =~ m{"POST /events HTTP/2.0" 413}g) }),
   'one more byte is too much');

($code, $body) = stream('/events', '');
is($code, 400, 'no body');
curl('/events', '{"payload":{}}', 'Content-Encoding: gzip');
ok(wait_for(sub { $t->read('access.log') =~ m{"POST /events HTTP/2.0" 415} }),
   'an encoding');
is(() = $t->inbox(undef, port => $t->port('_plain')), 4,
   'nothing else is stored');

# a stream

open my $in, '-|', curl_command('/api/stream?types=event&limit=1&timeout=20')
    or die "curl: $!";
wait_for(sub {
    curl('/events', '{"payload":{}}');
    IO::Select->new($in)->can_read(0);
});
my $messages = do { local $/; <$in> };
close $in;
like($messages, qr/^retry: 1000\n.*^event: event\n.*"reason":"limit".*\n200\z/ms,
     'a stream');


sub payload {
    my ($answer) = @_;
    my ($id) = $answer =~ /"event_id":"([^"]+)"/ or return $answer;

    (undef, my $body) = curl("/v1/events/$id");
    return $body =~ /"payload":(.*),"metadata":/s ? $1 : $body;
}


# sends the parts one after the other, while curl is sending

sub stream {
    my ($uri, @parts) = @_;
    my $pid = open2(my $out, my $in, curl_command($uri), '-X', 'POST',
                    '-T', '-');

    local $SIG{PIPE} = 'IGNORE';
    binmode $in;
    $in->autoflush(1);

    for my $part (@parts) {
        print $in $part;
        sleep 0.02;
    }

    close $in;
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;

    my ($body, $code) = $text =~ /^(.*)\n(\d+)$/s;
    return ($code, $body);
}


sub curl_command {
    my ($uri) = @_;

    return ('curl', '-s', '--http2-prior-knowledge', '-m', 20,
            '-w', '\n%{http_code}', '-H', 'Authorization: Bearer test-key',
            'http://127.0.0.1:' . $t->port() . $uri);
}


sub curl {
    my ($uri, $data, @headers) = @_;
    my @data;

    if (defined $data) {
        $t->write('data', $data);
        @data = ('--data-binary', "\@$t->{dir}/data",
                 '-H', 'Content-Type: application/json');
    }

    open my $in, '-|', curl_command($uri), @data, map { ('-H', $_) } @headers
        or die "curl: $!";
    my $out = do { local $/; <$in> };
    close $in;

    my ($body, $code) = $out =~ /^(.*)\n(\d+)$/s;
    return ($code, $body);
}
