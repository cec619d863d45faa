
# A binary upgrade under load (nginx.org/en/docs/control.html#upgrade): for a
# while two trees with a zone each write to one database, taking turns.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(10);


# nginx upgrades itself only as a daemon

$t->write('nginx.conf', $t->read('nginx.conf') =~ s/daemon +off;/daemon on;/r);

my $pid = $t->spawn();
waitpid $pid, 0;
is($?, 0, 'started');
wait_for(sub { $t->healthy() }, 20);

# a pid of 0 would be our own process group

my $old = master('nginx.pid') or BAIL_OUT('no nginx.pid');
my $load = Triggers::Load->start($t, seconds => 60, connections => 32);

wait_for(sub { $load->accepted() > 500 }, 20);

kill USR2 => $old;

my $new;

ok(wait_for(sub { -e "$t->{dir}/nginx.pid.oldbin"
                  && ($new = master('nginx.pid')) }, 20),
   'a new tree runs beside the old one');
my $before = $load->accepted();

ok(wait_for(sub { $load->accepted() > $before + 3000 }, 30), 'both commit');
ok($t->healthy(), 'and are healthy');

kill QUIT => $old;
ok(wait_for(sub { !alive($old) }, 30), 'the old tree quits');

$before = $load->accepted();
ok(wait_for(sub { $load->accepted() > $before + 1000 }, 30),
   'the new one goes on');

$load->end();
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');

kill QUIT => $new if $new;
ok(wait_for(sub { !alive($new) }, 30), 'and quits');
unlike($t->read('error.log'), qr/database is locked|corrupt/,
       'no one was in the way of the other');


sub master {
    my ($file) = @_;
    return $t->read($file) =~ /(\d+)/ ? $1 : 0;
}


# not kill 0: where nothing reaps orphans they stay as zombies

sub alive {
    my ($pid) = @_;
    return grep { $_->{pid} == $pid } Triggers::Nginx::processes();
}
