# The database is moved away, without its WAL, and who leads is killed, then
# all workers are: nobody makes a new one in its place, which would be the end
# of what the WAL holds, and all is there again once it is back.  A reload makes
# a new one.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 2)->plan(12);

$t->allow(qr/the file was deleted or replaced/, qr/exited on signal 9/);
$t->ready();
post() for 1 .. 30;

my $away = "$t->{db}.away";
rename $t->{db}, $away or die "rename: $!";
ok(gone(), 'seen');

my $leader = leader();
kill KILL => $leader;
ok(told(2) && gone(), 'who leads then sees it, too');
ok(!-e $t->{db}, 'no new one is made');

my @pids = $t->workers();
$t->kill9(@pids);
ok(told(3) && gone(), 'nor do those that are new');
ok(!-e $t->{db}, 'make one');

my %told;
$told{$_}++ for $t->read('error.log') =~ /(\d+)#\d+: .*: reading, /g;
is(join(' ', grep { $told{$_} > 2 } keys %told), '',
   'that it cannot be read is not told again and again');

rename $away, $t->{db} or die "rename: $!";
ok(wait_for(sub { $t->healthy() }), 'back');
is($t->sql('SELECT count(*) FROM events'), 30, 'nothing is lost');
post();
is($t->sql('SELECT count(*) FROM events'), 31, 'it goes on');

rename $t->{db}, $away or die "rename: $!";
rename "$t->{db}-$_", "$away-$_" for 'wal', 'shm';
ok(gone(), 'moved whole');
ok($t->reload(), 'reloaded');
wait_for(sub { $t->healthy() });
post();
is($t->sql('SELECT count(*) FROM events'), 1, 'that makes a new one');


# whoever has said it: he has no lock on what is not there

sub leader {
    my ($pid) = $t->read('error.log') =~ /\[crit\] (\d+)#.*deleted or/;
    return $pid;
}


sub post {
    my $res = $t->post('/events', '{"event_type":"a","payload":{}}');
    die "POST: $res->{status}\n" if $res->{status} ne '200';
}


sub gone {
    return wait_for(sub {
        my $res = eval { $t->get('/v1/health') } or return;
        ($res->{json}{checks}{store} // '') =~ /moved or deleted/;
    });
}


# by so many processes

sub told {
    my ($n) = @_;

    return wait_for(sub {
        my %pids = map { $_ => 1 }
                       $t->read('error.log') =~ /\[crit\] (\d+)#.*deleted or/g;
        keys %pids >= $n;
    });
}
