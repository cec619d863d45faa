# Two trees on one database, as while a binary upgrade runs: each follows the
# other's changes of keys within some seconds, also when it is idle.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $one = Triggers::Nginx->new()->plan(9 + 2);
my $two = Triggers::Nginx->new(db => $one->{db});

$_->ready() for $one, $two;


sub status { $_[0]->get('/inbox', key => $_[1]{key})->{status} }

sub follows {
    my ($t, $key, $status) = @_;
    return wait_for(sub { status($t, $key) eq $status });
}


my $key = $one->post('/v1/keys', '{"name":"n"}')->{json};

is(status($one, $key), 200, 'a key of the first');
ok(follows($two, $key, 200), 'the second comes to know it');

$two->request('PATCH', "/v1/keys/$key->{key_id}",
              body => '{"is_active":false}');
is(status($two, $key), 401, 'switched off by the second');
ok(follows($one, $key, 401), 'the first follows');

# both change keys in turn: none overlooks what the other has done before

my $other = $one->post('/v1/keys', '{"name":"other"}')->{json};
$two->request('PATCH', "/v1/keys/$key->{key_id}", body => '{"is_active":true}');
my $third = $one->post('/v1/keys', '{"name":"third"}')->{json};
$two->delete("/v1/keys/$other->{key_id}");

ok(follows($one, $key, 200), 'on again');
is(status($two, $other), 401, 'revoked by the second');
ok(follows($one, $other, 401), 'the first follows');
ok(follows($two, $third, 200), 'the second knows the third key');

ok($one->quit(), 'quit');
