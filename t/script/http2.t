# The API over HTTP/2, with curl.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my ($version) = `t/tools/nginx -v 2>&1` =~ m{/(\d+\.\d+\.\d+)};

plan(skip_all => 'no curl with HTTP/2')
    if `curl --version 2>/dev/null` !~ /\bHTTP2\b/;
plan(skip_all => 'nginx without HTTP/2')
    if `t/tools/nginx -V 2>&1` !~ /http_v2_module/;

my $on = sprintf('%d.%03d%03d', split /\./, $version) >= 1.025001;

my $t = Triggers::Nginx->new(config => <<"END")->plan(9);
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


sub curl {
    my ($uri, $data) = @_;
    my @data;

    if (defined $data) {
        $t->write('data', $data);
        @data = ('--data-binary', "\@$t->{dir}/data",
                 '-H', 'Content-Type: application/json');
    }

    open my $in, '-|', 'curl', '-s', '--http2-prior-knowledge', '-m', 20,
        '-w', '\n%{http_code}', '-H', 'Authorization: Bearer test-key',
        @data, 'http://127.0.0.1:' . $t->port() . $uri or die "curl: $!";
    my $out = do { local $/; <$in> };
    close $in;

    my ($body, $code) = $out =~ /^(.*)\n(\d+)$/s;
    return ($code, $body);
}
