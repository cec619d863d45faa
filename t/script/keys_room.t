# As many usable keys as the zone has room for, and what is refused beyond.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

(my $Config = Triggers::Nginx::default_config())
    =~ s/zone=16m/zone=16m  keys=3/;

my $t = Triggers::Nginx->new(config => $Config)->plan(17);
my $json = JSON::PP->new->canonical;

$t->ready();


sub make { $t->post('/v1/keys', '{"name":"n"}') }

sub status { $t->get('/inbox', key => $_[0]{key})->{status} }


my @keys = map { make()->{json} } 1 .. 3;
is(join(' ', map { status($_) } @keys), '200 200 200', 'three keys fit');

my $res = make();
is("$res->{status} $res->{json}{error}{code}", '503 SERVICE_UNAVAILABLE',
   'a fourth does not');
like($res->{json}{error}{message}, qr/"keys="/, 'and is told why');
is($t->sql('SELECT count(*) FROM keys'), 3, 'nothing is stored of it');
make();
is(scalar(() = $t->read('error.log') =~ /\[warn\].*no room for more than 3/g),
   1, 'one line in the log');

is($t->request('PATCH', "/v1/keys/$keys[0]{key_id}", body => '{"name":"x"}')
     ->{status}, 200, 'a full table takes changes');
is($t->post("/v1/keys/$keys[0]{key_id}/rotate")->{status}, 503,
   'but no rotation with two usable keys');

# one that is not usable takes no room

$t->request('PATCH', "/v1/keys/$keys[0]{key_id}",
            body => '{"is_active":false}');
$res = make();
is($res->{status}, 201, 'room again');
is($t->request('PATCH', "/v1/keys/$keys[0]{key_id}",
               body => '{"is_active":true}')->{status}, 503,
   'none for the old one');

$t->delete("/v1/keys/$res->{json}{key_id}");
is($t->request('PATCH', "/v1/keys/$keys[0]{key_id}",
               body => '{"is_active":true}')->{status} . status($keys[0]),
   '200200', 'until the new one is revoked');

# An expired key's room is given back by itself, also under load: it was not,
# as the work of each second was left out while the drainer was at work, which
# nothing saw on a machine that was idle.  It takes six seconds, and took more
# than twenty.

my $load = Triggers::Load->start($t, seconds => 300,
                                 connections => 256, payload => 1000);

wait_for(sub { $load->accepted() > 500 });
$t->request('PATCH', "/v1/keys/$keys[0]{key_id}",
            body => $json->encode({ expires_at => soon() }));
is(make()->{status}, 503, 'full');
ok(wait_for(sub { make()->{status} eq '201' }, 20),
   'room again when a key has expired');
$load->end();
$t->quit();

sub soon {
    my @t = gmtime(time() + 5);
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
                   @t[3, 2, 1, 0];
}

# more keys than a smaller zone has room for: nobody can tell whose are unknown

(my $small = $Config) =~ s/keys=3/keys=2/;
$t->write_config($small);
$t->ready();

my @status = sort map { status($_) } @keys[1, 2];
like($t->read('error.log'), qr/\[error\].*1 keys do not fit/,
     'keys that do not fit are told of');
is($t->get('/inbox', key => 'unknown')->{status}, 503,
   'an unknown key is not refused for good');

my ($held) = grep { status($_) eq '200' } @keys[1, 2];
$t->delete("/v1/keys/$held->{key_id}");
ok(wait_for(sub { $t->get('/inbox', key => 'unknown')->{status} eq '401' }),
   'it is when all fit again');

# the number belongs to the zone

$t->allow(qr/\[emerg\] .*"keys"/);
$t->write_config($Config);
$t->signal('HUP');
ok(wait_for(sub { $t->read('error.log') =~ /\[emerg\] .*"keys"/ }),
   'a reload with another number is refused');

(my $large = $Config) =~ s/keys=3/keys=30000/;
$t->quit();
$t->write_config($large);
$t->allow(qr/is too small/);
my ($code, $output) = $t->test_config();
like($output, qr/is too small for 30000 keys .* room for \d+ keys/,
     'too many keys');
