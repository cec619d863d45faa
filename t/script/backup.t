# Backups: what a copy made under load holds, that it can be put in the place
# of the database, and what is left of those that do not come to an end.
#
# The database is made large, so that a copy takes a while; a worker that is
# stopped by a signal stands in the middle of it.

use strict;
use warnings;

use File::Copy qw( copy );
use File::Temp qw( tempdir );
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $Megabytes = 200;

my $disk = tempdir('triggers-backup-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $mounted = system("mount -t tmpfs -o size=1m tmpfs $disk 2>/dev/null") == 0;

my $locations = <<"END" =~ s/\n\z//r;
        location / {
            triggers              main;
            triggers_backup_path  %%DIR%%/backup;
        }

        location /full/ {
            triggers              main;
            triggers_backup_path  $disk;
        }

        location /missing/ {
            triggers              main;
            triggers_backup_path  %%DIR%%/missing;
        }

        location /short/ {
            triggers              main;
            triggers_backup_path  %%DIR%%/backup  timeout=1ms;
        }

        location /written/ {
            triggers              main;
            triggers_backup_path  %%DIR%%/backup  wal=1m;
        }
END

(my $config = Triggers::Nginx::default_config())
    =~ s{ *location / .*?\n {8}\}}{$locations}s;

my $t = Triggers::Nginx->new(config => $config, workers => 2)->plan(38);
my $dir = "$t->{dir}/backup";
my $url = '/v1/admin/backup';

mkdir $dir or die "$dir: $!";
$SIG{XFSZ} = 'IGNORE';

# under load: all that was answered before is in it, and nothing twice

$t->ready();
$t->post('/events', '{"payload":{"first":1}}');

my $load = Triggers::Load->start($t, seconds => 60, connections => 32,
                                 payload => 500);
wait_for(sub { $load->accepted() > 500 });

my $before = answered();
my $res = $t->post($url);
my $json = $res->{json};

is($res->{status}, 200, 'a backup under load') or diag($res->{body});
like($json->{backup}, qr/^main-\d{8}T\d{6}Z-[0-9a-f]{8}\.db$/, 'its name');

my $copy = "$dir/$json->{backup}";

is($json->{size_bytes}, -s $copy, 'its size');
is($json->{pages} * 8192, $json->{size_bytes}, 'its pages');
like($json->{duration_ms}, qr/^\d+$/, 'its duration');
is((stat $copy)[2] & 0777, 0600, 'nobody else may read it');
is(join(' ', files()), $json->{backup}, 'no other file');

# The copy is looked at by another, as looking makes files beside it.

look_at($copy, 'look.db');
is(wrong("$t->{dir}/look.db", $before), '',
   'every event answered before is in it, under its id');
is(inconsistencies($t, "$t->{dir}/look.db"), '', 'it is sound');

$load->end();
is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is in the database');

# two at once, of one worker or of two

$t->quit();
$t->sql('CREATE TABLE ballast (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL '
        . "SELECT i + 1 FROM n WHERE i < $Megabytes) "
        . 'INSERT INTO ballast SELECT randomblob(1000000) FROM n');
$t->ready();

my $first = begin();
my $pid = stopped();

isnt($pid, undef, 'a worker is in the middle of a copy');
$res = other($url);
is("$res->{status} $res->{json}{error}{code}", '409 CONFLICT',
   'a second one of another worker is refused');
my @unfinished = grep { /\.db\.tmp$/ } files();
is(scalar(@unfinished), 1, 'the file has no name yet');
is((stat "$dir/$unfinished[0]")[2] & 0777, 0600, 'nobody else may read it');
$t->signal('CONT', $pid);
is(http_end($first, 60)->{status}, 200, 'the first one goes on');

my @many = map { begin() } 1 .. 6;

is(join(' ', sort map { http_end($_, 60)->{status} } @many),
   '200 409 409 409 409 409', 'one of six at once is made');

# killed: the next one removes what is left

$first = begin();
$pid = stopped();
$t->kill9($pid);
close $first;
wait_for(sub { !grep { $_ == $pid } $t->workers() });

is(scalar(grep { /\.tmp$/ } files()), 1, 'kill -9 leaves an unfinished file');
my $left = () = files();

# a thread that stands in a sync keeps the lock until that has ended

wait_for(sub { $res = $t->post($url, undef, timeout => 60);
               $res->{status} ne '409' });
is($res->{status}, 200, 'the next one is made') or diag($res->{body});
is(scalar(grep { /\.tmp$/ } files()), 0, 'and has removed it');
is(scalar(() = files()), $left, 'but nothing else');
look_at("$dir/$res->{json}{backup}", 'look.db');
is(inconsistencies($t, "$t->{dir}/look.db"), '', 'it is sound');

# a client that does not wait for it

$first = begin();
wait_for(sub { grep { /\.tmp$/ } files() });
close $first;
ok(wait_for(sub { !grep { /\.tmp$/ } files() }),
   'a copy whose client has gone is given up');
is(scalar(() = files()), $left, 'no file is left of it');

# the lock of the one before is given up after its file

wait_for(sub {
    $res = $t->post("/short$url", undef, timeout => 60);
    $res->{status} ne '409';
});

is("$res->{status} $res->{json}{error}{message}",
   '503 the backup took too long', 'one that takes too long');
is(scalar(() = files()), $left, 'no file is left of it, either');

$load = Triggers::Load->start($t, seconds => 60, connections => 32,
                              payload => 500);
wait_for(sub { $load->accepted() > 500 });
$res = $t->post("/written$url", undef, timeout => 60);
is("$res->{status} $res->{json}{error}{message}",
   '503 too much was written meanwhile', 'one that lets the WAL grow');
is(scalar(() = files()), $left, 'no file is left of it, too');
$load->end();

# a disk that is too small, a directory that is not there

limit(300_000) if !$mounted;
$res = $t->post("/full$url", undef, timeout => 60);
is("$res->{status} $res->{json}{error}{message}",
   '503 there is no space left for the backup', 'a full disk');
ok(exists $res->{headers}{'retry-after'}, 'with Retry-After');
is(join(' ', glob("$disk/*")), '', 'nothing is left there');
limit('unlimited') if !$mounted;
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'events go on');

$res = $t->post("/missing$url");
is($res->{status}, 503, 'no directory');
unlike($res->{body}, qr/\Q$t->{dir}\E/, 'no path in the answer');
like($t->read('error.log'), qr{backup to "\S+/missing/main-\S+ \S+ failed},
     'but in the log');

# a fast shutdown does not wait for it

$first = begin();
wait_for(sub { grep { /\.tmp$/ } files() });
ok($t->term(), 'ends with a copy under way');
close $first;

# what was lost meanwhile is back: the copy in the place of the database

unlink map { $t->{db} . $_ } '', '-wal', '-shm';
copy($copy, $t->{db}) or die "copy: $!";
$t->ready();
is(scalar(grep { defined $_->{payload}{first} }
          @{$t->get('/inbox?payload.first=1')->{json}{events}}), 1,
   'the copy serves as the database');
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'and takes events');


sub begin {
    return $t->http_start(Triggers::Nginx::text('POST', $url));
}


# stops the worker that is copying and tells which

sub stopped {
    return wait_for(sub {
        for my $pid ($t->workers()) {
            for my $fd (glob "/proc/$pid/fd/*") {
                next if (readlink $fd // '') !~ /\.db\.tmp$/;
                kill STOP => $pid;
                return $pid;
            }
        }

        return;
    });
}


# an answer of a worker that is not stopped: this one is not asked by the
# kernel, unless it had been when it was stopped

sub other {
    my ($uri) = @_;
    my $res;

    wait_for(sub {
        $res = $t->post($uri, undef, timeout => 2);
        $res->{status} =~ /^\d/;
    });

    return $res;
}


sub files {
    opendir my $in, $dir or die "$dir: $!";
    return sort grep { !/^\./ } readdir $in;
}


# number => id

sub answered {
    open my $in, '<', $load->{out} or die "$load->{out}: $!";
    return { map { /^(\d+) (\S+)\n/ ? ($1 => lc $2) : () } <$in> };
}


sub wrong {
    my ($db, $events) = @_;
    my $part = bless { t => $t, events => $events }, 'Triggers::Load';

    return $part->losses($db);
}


sub look_at {
    my ($file, $name) = @_;
    copy($file, "$t->{dir}/$name") or die "copy: $!";
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
