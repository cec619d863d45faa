# From which addresses a key may be used.  realip settles the address of the
# request from X-Forwarded-For; what it does not trust is 127.0.0.1.

use strict;
use warnings;

use JSON::PP;
use IO::Socket::UNIX;
use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(40);
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=root  scopes=admin;

    set_real_ip_from  127.0.0.1;
    set_real_ip_from  unix:;
    real_ip_header    X-Forwarded-For;

    server {
        listen  127.0.0.1:%%PORT%%;
        listen  unix:%%DIR%%/socket;
        listen  [::]:%%PORT_2%%  ipv6only=off;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();


sub make {
    my (@networks) = @_;
    my $res = $t->post('/v1/keys', JSON::PP->new->encode({
        name => 'n', allowed_ips => \@networks }));
    $res->{status} eq '201' or diag("$res->{status} $res->{body}");
    return $res->{json};
}

sub from {
    my ($key, $address, @args) = @_;
    return $t->get('/inbox', key => $key->{key}, @args,
                   $address ? ('X-Forwarded-For' => $address) : ());
}

sub allowed { from(@_)->{status} }


my @cases = (
    [ ['10.1.2.3'],
      { '10.1.2.3' => 200, '10.1.2.2' => 403, '10.1.2.131' => 403 } ],
    [ ['10.0.0.0/8', '192.168.1.0/24'],
      { '10.255.0.1' => 200, '11.0.0.0' => 403, '192.168.1.255' => 200,
        '192.168.2.0' => 403, '::1' => 403, '2001:db8::1' => 403 } ],
    [ ['172.16.0.0/12'],
      { '172.31.255.255' => 200, '172.32.0.0' => 403,
        '172.15.255.255' => 403 } ],
    [ ['10.9.8.7/8'],
      { '10.0.0.1' => 200, '11.9.8.7' => 403 } ],
    [ ['0.0.0.0/0'],
      { '1.2.3.4' => 200, '2001:db8::1' => 403, '::ffff:1.2.3.4' => 200 } ],
    [ ['::/0'],
      { '2001:db8::1' => 200, '1.2.3.4' => 403, '::ffff:1.2.3.4' => 403 } ],
    [ ['2001:db8::/32'],
      { '2001:db8:ffff::1' => 200, '2001:db9::' => 403,
        '1.2.3.4' => 403 } ],
    [ ['2001:db8:8000::/33', '::1'],
      { '2001:db8:8000::1' => 200, '2001:db8:7fff::1' => 403,
        '::1' => 200, '::2' => 403 } ],
    [ ['::ffff:10.0.0.0/104'],
      { '10.1.1.1' => 200, '11.1.1.1' => 403, '::ffff:10.2.2.2' => 200 } ],
    [ [],
      { '1.2.3.4' => 200, '2001:db8::1' => 200 } ],
);

for my $case (@cases) {
    my ($networks, $expected) = @$case;
    my $key = make(@$networks);
    my $name = join(' ', @$networks) || 'all';

    is(allowed($key, $_), $expected->{$_}, "$_ in $name")
        for sort keys %$expected;
}

# what realip does not touch

my $key = make('127.0.0.1');
my $all = make();
is(allowed($key), 200, 'the address of the connection');

my $res = from($key, '10.0.0.1');
is($res->{json}{error}{code}, 'FORBIDDEN', 'its code');
is($res->{json}{error}{message}, 'the key is not valid for your address',
   'its message');

# an IPv4 client of a socket of both families is ::ffff:127.0.0.1

SKIP: {
    $t->connect($t->port('_2')) or skip 'no IPv6', 1;
    is(allowed($key, undef, port => $t->port('_2')), 200,
       'an IPv4-mapped address');
}

# a Unix socket has no address

my @status;

for ($key, $all) {
    my $sock = IO::Socket::UNIX->new(Peer => "$t->{dir}/socket") or die $!;
    push @status, $t->get('/inbox', key => $_->{key}, sock => $sock)->{status};
}

is("@status", '403 200', 'a Unix socket is in no network');

# the list changes

my $uri = "/v1/keys/$key->{key_id}";
is(allowed($key, '10.0.0.1'), 403, 'before');
$t->request('PATCH', $uri, body => '{"allowed_ips":["10.0.0.0/24"]}');
is(allowed($key, '10.0.0.1') . ' ' . allowed($key), '200 403', 'changed');
$t->request('PATCH', $uri, body => '{"allowed_ips":[]}');
is(allowed($key, '10.0.0.1') . ' ' . allowed($key), '200 200', 'emptied');
