# Leases during a binary upgrade: what a consumer of one tree gives back is
# handed out to one who waits in the other, and what one tree leaves behind
# when it is killed runs out in the other.

use strict;
use warnings;

use IO::Select;
use JSON::PP qw( encode_json );
use Test::More;
use Triggers::Load;
use Triggers::Nginx;

plan(skip_all => 'valgrind does not follow the new binary')
    if $ENV{TRIGGERS_VALGRIND};

my $config = Triggers::Nginx::default_config();

$config =~ s/triggers main;/$& add_header X-Pid \$pid always;/;

my $t = Triggers::Nginx->new(config => $config)->plan(6);

$t->write('nginx.conf', $t->read('nginx.conf') =~ s/daemon +off/daemon on/r);
$t->start();
$t->adopt();
$t->ready();

my $old = $t->{pid};
my %old = map { $_ => 1 } $t->workers();

$t->signal('USR2');

ok(wait_for(sub { ($t->read('nginx.pid') =~ /^(\d+)$/m && $1) != $old }),
   'a new master runs');

my $in_old = tree(1);
my $in_new = tree(0);
my $id = call($in_new, '/events', payload => {})->{event_id};
my $lease = call($in_new, '/v1/inbox/lease');

is($lease->{events}[0]{event_id}, $id, 'leased from the new tree');

print $in_old Triggers::Nginx::text('POST', '/v1/inbox/lease',
                                    body => '{"wait_seconds":60}');
ok(!IO::Select->new($in_old)->can_read(1.5), 'who is in the old one waits');

call($in_new, '/v1/inbox/release', lease_id => $lease->{lease_id});
is(http_end($in_old, 40)->{json}{events}[0]{event_id}, $id, 'and gets it');

# its end is known to the tree that gave it only

$in_old = tree(1);
call($in_old, '/events', payload => {});
$lease = call($in_old, '/v1/inbox/lease', lease_seconds => 1);

$t->allow(qr/exited on signal 9/);
$t->kill9($old, keys %old);

is(ids(call($in_new, '/v1/inbox/lease', wait_seconds => 50)), ids($lease),
   'what the old tree leaves runs out in the new one');

$t->adopt();
is(inconsistencies($t), '', 'the tables agree');


# a connection to a worker of one of the trees

sub tree {
    my ($old) = @_;

    return wait_for(sub {
        my $sock = $t->connect() or return;
        my $pid = $t->get('/v1/health', sock => $sock)->{headers}{'x-pid'};

        return $pid && !$old{$pid} == !$old && $sock;
    });
}


sub call {
    my ($sock, $uri, %body) = @_;
    return $t->post($uri, encode_json(\%body), sock => $sock)->{json};
}


sub ids { return join ' ', map { $_->{event_id} } @{$_[0]{events} // []} }
