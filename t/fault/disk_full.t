# A disk that fills under load and is freed: events are refused while it is
# full, nothing that was answered is lost, and it heals by itself.  The disk is
# a small tmpfs where mounting is allowed; elsewhere a limit of file sizes,
# which the kernel answers in the same place (EFBIG) and which is then raised.
# That limit is one byte: a higher one would leave room in the file that the
# other has been copied to.

use strict;
use warnings;

use File::Temp qw( tempdir );
use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $Limit = 6 * 1024 * 1024;

my $disk = tempdir('triggers-disk-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $mounted = system("mount -t tmpfs -o size=$Limit tmpfs $disk 2>/dev/null")
              == 0;

if (!$mounted && `prlimit --version 2>/dev/null` eq '') {
    plan(skip_all => 'neither mount nor prlimit can be used');
}

(my $config = Triggers::Nginx::default_config())
    =~ s/triggers main;/triggers main;
            triggers_commit_timeout 1s;/;

my $t = Triggers::Nginx->new(config => $config, db => "$disk/events.db")
                       ->plan(10);

# a limit that is exceeded is an error of write(), not a signal

$SIG{XFSZ} = 'IGNORE';

$t->ready();

my $load = Triggers::Load->start($t, seconds => 120, connections => 16,
                                 payload => 4000);

if (!$mounted) {
    wait_for(sub { $load->accepted() > 100 });
    limit(1);
}

ok(wait_for(sub { $t->get('/v1/health')->{status} eq '503' }),
   'unhealthy when the disk is full');

my $res = $t->post('/events', '{"payload":{"full":1}}');

is($res->{status}, 503, 'events are refused');
ok(exists $res->{headers}{'retry-after'}, 'with Retry-After');
is($t->get('/inbox?limit=1')->{status}, 200, 'the inbox is read on');

if ($mounted) {
    system("mount -o remount,size=256m $disk") == 0 or die "remount: $!";

} else {
    limit('unlimited');
}

my $before = $load->accepted();

ok(wait_for(sub { $load->accepted() > $before + 100 }),
   'events are accepted when there is room again');
ok(wait_for(sub { $t->healthy() }), 'healthy again');

$load->end();

is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');

# each batch that failed has counted its records, too

is(metric('queue_wait_seconds_count'), metric('records_total'),
   'how long a record waited is counted once');

$t->quit();


sub metric {
    my ($name) = @_;
    my $text = $t->get('/metrics', Accept => 'text/plain')->{body};
    return $text =~ /^triggers_$name (\d+)$/m ? $1 : -1;
}


sub limit {
    my ($bytes) = @_;
    system('prlimit', '--pid', $_, "--fsize=$bytes:unlimited")
        for $t->workers();
}


END {
    my $status = $?;
    undef $t;
    system("umount $disk 2>/dev/null") if $mounted;
    $? = $status;
}
