# Stored logs under load, when they cannot be written, when their file is
# deleted, and when the worker that writes them is killed: events are answered
# all the while and each is there, nothing is unhealthy, and logs go on.  Also
# a flood, which they have room for, and a lock that another program holds.
#
# Their disk is a small tmpfs where mounting is allowed; elsewhere their folder
# is taken away, and another file put in its place.

use strict;
use warnings;

use File::Temp qw( tempdir );
use IPC::Open2 qw( open2 );
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Load;
use Triggers::Nginx;

my $disk = tempdir('triggers-logs-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $folder = "$disk/folder";
my $logs = "$folder/logs.db";

mkdir $folder or die "$folder: $!";

my $mounted = system("mount -t tmpfs -o size=1m tmpfs $folder 2>/dev/null")
              == 0;

(my $config = Triggers::Nginx::default_config())
    =~ s/(triggers_store .*);/$1  logs=$logs;\n    triggers_logs  rate=0;/;

my $t = Triggers::Nginx->new(config => $config, workers => 3)->plan(30);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 300, connections => 16);

ok(wait_for(sub { metric('triggers_logs_stored') > 100 }, 30),
   'logs are stored');

# no room

take_away();

ok(wait_for(sub { metric('triggers_logs_writable') == 0 }, 60),
   'it shows that logs cannot be written');
cmp_ok(metric('triggers_logs_failures'), '>', 0, 'how often they could not');
is($t->get('/v1/health')->{status}, 200, 'which makes nothing unhealthy');
ok(answered(500), 'events are answered meanwhile');

give_back();

my $before = metric('triggers_logs_stored');

ok(wait_for(sub { metric('triggers_logs_writable')
                  && metric('triggers_logs_stored') > $before + 100 }, 60),
   'logs are stored again');
ok(wait_for(sub { metric('triggers_logs_missed') > 0 }, 10),
   'what was overwritten meanwhile is counted');
ok(wait_for(sub { $t->sql("SELECT count(*) FROM logs WHERE message LIKE "
                          . "'%entries were overwritten%'", $logs) }, 10),
   'and told');

# the file is deleted

unlink glob "$logs*";

ok(wait_for(sub { -s $logs && recent() }, 20), 'a new file is begun');
ok(answered(500), 'events are answered meanwhile');

# whoever writes is killed

my $killed = 0;

for (1 .. 5) {
    $before = metric('triggers_logs_stored');
    $killed++ if $t->kill_drainer();

    wait_for(sub { metric('triggers_logs_stored') > $before + 100 }, 20)
        or last;
}

is($killed, 5, 'the leader is killed five times');
ok(wait_for(sub { recent() }, 20), 'logs go on');

# an end under load is not delayed by logs

$t->reload();
ok(wait_for(sub { recent() }, 20), 'also after a reload');

$load->end();

is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
is(metric('triggers_feed_entries') > metric('triggers_logs_stored'), 1,
   'more has come than was stored');
ok($t->quit(), 'quits');
is($t->sql('PRAGMA integrity_check', $logs), 'ok', 'the logs are whole');

# A zone whose feed has 160 places, which are overwritten many times in the
# tenth of a second after which the logger would look by itself.

$config =~ s/zone=16m/zone=1m/;
$config =~ s/^( *)triggers_logs .*/$&\n$1triggers_event_max_size  4k;/m;
$t->write_config($config);
$t->ready();

$load = Triggers::Load->start($t, seconds => 2, connections => 16)->finish();

cmp_ok(metric('triggers_logs_stored'), '>',
       metric('triggers_feed_entries') / 2, 'a small feed is read in time');

$t->quit();

# Requests that are refused are warnings, which no rate limits.  The oldest
# logs went for 50 ms of each second, and the file grew by 4 MB in each.

$config =~ s/zone=1m/zone=16m/;
$config =~ s/rate=0;/rate=0 size=1m;/;
$config =~ s/server \{/keepalive_requests  10000000;\n    $&/;
$t->write_config($config);
unlink glob "$logs*";
$t->ready();

my $highest = 0;
my $flood = flood();

ok(wait_for(sub {
    my $size = metric('triggers_logs_size_bytes');
    $highest = $size if $size > $highest;
    return metric('triggers_logs_stored') > 250_000;
}, 120), 'a flood of warnings is stored');

kill 'KILL', $flood;
waitpid $flood, 0;

cmp_ok($highest, '<', 32 * 1024 * 1024, 'what logs take has a limit');
ok(wait_for(sub { ($t->sql('PRAGMA page_count', $logs)
                   - $t->sql('PRAGMA freelist_count', $logs)) * 8192
                  <= 1024 * 1024 }, 60), 'and then no more than they may');
$t->quit();

# Another program holds the lock: the error log says so, and nobody waits.

$t->ready();

my $lock = lock_logs();

$t->post('/events', '{"payload":{}}');

ok(wait_for(sub { $t->read('error.log') =~ /keeps the database locked/ }, 30),
   'the error log tells of a lock');
is($t->post('/events', '{"payload":{}}')->{status}, 200,
   'events are answered');

my $start = time();

$t->quit();
cmp_ok(time() - $start, '<', 10, 'the end does not wait for it');

unlock_logs($lock);

# With nothing to store, what goes once a second was said to have gone.

$config =~ s/rate=0 size=1m;/level=error;/;
$t->write_config($config);
$t->ready();
ok(wait_for(sub { metric('triggers_logs_writable') }, 30), 'nothing to store');

$lock = lock_logs();

ok(wait_for(sub { !metric('triggers_logs_writable') }, 30),
   'the lock is found');
is(scalar(grep { sleep 0.1; metric('triggers_logs_writable') } 1 .. 25), 0,
   'as long as it is there');

unlock_logs($lock);

ok(wait_for(sub { metric('triggers_logs_writable') }, 60), 'and when it goes');
$t->quit();


# another program's

sub lock_logs {
    my $pid = open2(my $from, my $to, 'sqlite3', $logs);

    syswrite $to, "BEGIN EXCLUSIVE;\nSELECT 1;\n";
    readline $from;

    return { pid => $pid, to => $to, from => $from };
}


sub unlock_logs {
    my ($lock) = @_;

    close $lock->{to};
    waitpid $lock->{pid}, 0;
}


# the newest log is one of now

sub recent {
    my $now = time();
    my $at = $t->get('/logs?limit=1')->{json}{logs}[0]{timestamp} // '';
    my %now = map { $_ => 1 } map { stamp($now - $_) } 0 .. 2;

    return $now{substr $at, 0, 19};
}


sub stamp {
    my ($s, $min, $h, $d, $mon, $y) = gmtime shift;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d', $y + 1900, $mon + 1, $d,
                   $h, $min, $s;
}


sub answered {
    my ($n) = @_;
    my $before = $load->accepted();

    return wait_for(sub { $load->accepted() > $before + $n }, 30);
}


sub metric {
    my ($name) = @_;
    my $body = $t->get('/metrics', Accept => 'text/plain')->{body};

    return $body =~ /^$name(?:_total)? (\d+)$/m ? $1 : 0;
}


# a process that sends requests without an end

sub flood {
    my $pid = fork() // die "fork: $!";

    return $pid if $pid;

    my $socket = $t->connect() or POSIX::_exit(1);
    my $requests = "GET /v1/none HTTP/1.1\r\nHost: localhost\r\n\r\n" x 100;

    for ( ;; ) {
        my $answers = '';

        syswrite $socket, $requests;

        until ((() = $answers =~ m{HTTP/1\.1 4}g) == 100) {
            sysread $socket, $answers, 65536, length $answers
                or POSIX::_exit(1);
        }
    }
}


# a tmpfs fills by itself

sub take_away {
    return if $mounted;

    rename $folder, "$folder.away" or die "$folder: $!";
    open my $out, '>', $folder or die "$folder: $!";
}


sub give_back {
    if ($mounted) {
        system("mount -o remount,size=512m $folder") == 0
            or die "remount: $!";
        return;
    }

    unlink $folder;
    rename "$folder.away", $folder or die "$folder: $!";
}


END {
    my $status = $?;
    undef $load;
    undef $t;
    system("umount $folder 2>/dev/null") if $mounted;
    $? = $status;
}
