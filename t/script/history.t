# The history: rows that were put into the database by hand, as points of steps
# of several lengths; answers that are cut, and queries that take too long; what
# goes with its time; and the minute that is written when nginx ends.  Clocks
# and leaders that die are in t/fault/history.t.

use strict;
use warnings;

use List::Util qw( sum0 );
use Test::More;
use Triggers::Nginx;

my $T = 1735732800;    # 2025-01-01T12:00:00Z

my @Counts = qw( requests errors accepted acknowledged delivered failed
                 retried attempts failed_attempts commits );
my @Gauges = qw( pending retrying dead queued );

my %Shown = (accepted => 'events', dead => 'dead_letters',
             queued => 'queue_depth');

# a hundred times in a bucket: from 820 us to 1 ms, from 8.2 ms to 10 ms

my $Fast = "x'0100010c64'";
my $Slow = "x'010001186401011864'";    # and as many commits

my $t = Triggers::Nginx->new()->plan(35);
my $config = $t->read('nginx.conf');
my $logs = "$t->{db}.logs";

configure('history=off');
$t->quit();
$t->sql('DELETE FROM minutes', $logs);

row(zone => 1, minute => 0, times => $Fast, base => 100);
row(zone => 2, minute => 0, times => $Slow, base => 200, elapsed => 30);
row(zone => 1, minute => 1, times => $Slow, base => 300, elapsed => 600);
row(zone => 1, minute => 4, times => "x'09'", base => 400, elapsed => 20);
row(zone => 1, minute => 60, times => "x'01'", base => 0);

$t->start();

# minutes

my @points = points('12:00:00', '13:01:00', 60);

is(join(' ', map { $_->{timestamp} =~ /T(\d+:\d+):00\.000Z$/ } @points),
   '12:00 12:01 12:04 13:00', 'minutes that there are');

is_deeply(shown($points[1]), expected(300), 'one row');
is_deeply(shown($points[0]), { %{expected(100, 200)},
                               map { $_ => expected(200)->{$_} }
                               map { $Shown{$_} // $_ } @Gauges },
          'two: counts are added up, the rest is that of the later one');

is_deeply($points[1]{latency_ms}{ingest},
          { p50 => 9.1, p95 => 9.91, p99 => 9.982, count => 100 },
          'percentiles');
is_deeply($points[0]{latency_ms}{ingest},
          { p50 => 1, p95 => 9.82, p99 => 9.964, count => 200 },
          'those of both');
is_deeply($points[0]{latency_ms}{commit},
          { p50 => 9.1, p95 => 9.91, p99 => 9.982, count => 100 },
          'that only one has');
is(join(' ', sort keys %{$points[0]{latency_ms}}),
   'ack commit delivery inbox ingest', 'of what there are times');
is($points[2]{latency_ms}{ingest}{count} . $points[2]{requests}, '0400',
   'what cannot be read is no time');

is($points[3]{error_rate}, 0.5, 'the share of errors');
is(join(' ', map { $_->{events_per_second} } @points), '5.067 0.503 20.1 0.033',
   'events per second of the time that it is');

# longer steps

@points = points('12:00:00', '13:01:00', 300);
is(join(' ', map { $_->{timestamp} =~ /T(\d+:\d+):/ } @points), '12:00 13:00',
   'steps of five minutes');
is_deeply(shown($points[0]),
          { %{expected(100, 200, 300, 400)},
            map { $_ => expected(400)->{$_} } map { $Shown{$_} // $_ }
            @Gauges }, 'added up');
is($points[0]{latency_ms}{ingest}{count}, 300, 'with their times');

@points = points('12:59:00', '13:00:01', 3600);
is(join(' ', map { $_->{timestamp} =~ /T(\d+:\d+):/ } @points), '12:00 13:00',
   'steps are whole, whatever was asked for');
is($points[0]{commits}, 9 * 4 + 1000, 'and so is what is in them');

@points = points('12:02:00', '12:04:00', 60);
is(scalar(@points), 0, 'there may be none');

# pages

my ($pages, @all) = (0);
my $from = '2025-01-01T12:00:00Z';

while (defined $from && $pages++ < 10) {
    my $res = $t->get("/small/v1/metrics/history?from=$from"
                      . '&to=2025-01-01T13:01:00Z&step=60');

    push @all, @{$res->{json}{points}};
    $from = $res->{json}{next_from};
}

is($pages, 2, 'an answer that has become long enough ends');
is_deeply(\@all, [points('12:00:00', '13:01:00', 60)],
          'and says where the next one begins');

# time

$t->quit();
$t->sql("WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m "
        . "WHERE i < 20000) INSERT INTO minutes (minute, zone, number, "
        . "elapsed, @{[join ', ', @Counts, @Gauges]}, times) SELECT "
        . "978307200000 + i * 60000, 3, i, 60000, "
        . "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, $Slow FROM m", $logs);
$t->ready();

my $long = 'v1/metrics/history?from=2001-01-01&to=2001-02-01&step=86400';
my $res = $t->get("/hasty/$long");

is($res->{status}, 503, 'a query that takes too long');
like($res->{json}{error}{message}, qr/narrow it/, 'is told so');

$res = $t->get("/$long");
is(sum0(map { $_->{latency_ms}{commit}{count} } @{$res->{json}{points}}),
   2_000_000, 'one that may take longer has it all');

# the database

$t->quit();
rename $logs, "$logs.kept" or die $!;
$t->write('events.db.logs', 'this is no database' x 1000);
$t->start();

ok(wait_for(sub { $t->get('/v1/metrics/history')->{status} eq '503' }),
   'a database that is none');
like($t->get('/v1/metrics/history')->{json}{error}{message},
     qr/the history cannot be read/, 'is told, too');
is($t->get($_)->{status}, 503, "$_: as often as it is asked for")
    for '/logs', '/v1/metrics/history', '/logs';

unlink glob "$logs-*";
rename "$logs.kept", $logs or die $!;
is($t->get('/logs')->{status}, 200, 'one that is one');

my $told = $t->read('error.log');

is(() = $told =~ /triggers logs .*: reading, /g, 1,
   'the error log says once why');
is(() = $told =~ /triggers logs .*: read again/g, 1, 'and that it is over');
$t->quit();

# what is too old goes

configure('history=1h level=error');
ok(wait_for(sub { $t->sql('SELECT count(*) FROM minutes WHERE minute '
                          . "<= 1000 * ($T + 3600)", $logs) == 0 }),
   'what is too old goes');

# but for health asked for before it is well, by ready()

my $count = "SELECT count(*) FROM logs WHERE message <> 'GET /v1/health'";
my $logged = $t->sql($count, $logs);

# the end of the last process writes what there is of a minute

$t->post('/events', '{"payload":{}}') for 1 .. 7;
$t->post('/events', '{') for 1 .. 3;
$t->get('/inbox') for 1 .. 2;
$t->quit();

is($t->sql('SELECT sum(accepted) FROM minutes', $logs), 7,
   'the minute is written when nginx ends');

$t->ready();
$t->post('/events', '{"payload":{}}') for 1 .. 4;
$t->reload();
$t->post('/events', '{"payload":{}}') for 1 .. 2;
$t->term();
$t->ready();

@points = @{$t->get('/v1/metrics/history')->{json}{points}};

is(sum0(map { $_->{events} } @points), 13,
   'restarts and reloads lose nothing, and count nothing twice');
is(sum0(map { $_->{latency_ms}{ingest}{count} } @points), 13,
   'of requests that brought events');
is($points[-1]{pending}, 13, 'how many there were at the end');
is($t->sql($count, $logs), $logged,
   'although nothing was logged');


sub configure {
    my ($parameters) = @_;
    my $new = $config;

    $new =~ s/^ *triggers_store .*\n/$&    triggers_logs  $parameters;\n/m;
    $new =~ s/^( *)location \/ \{/$1location \/small\/ {
            triggers main;
            triggers_response_max_size 1k;
        }

        location \/hasty\/ {
            triggers main;
            triggers_query_timeout 1ms;
        }

$&
            triggers_query_timeout 60s;/m;

    $t->write_config($new);
    $t->ready();
}


# its counts are base, base + 1, ...; so go its gauges on

sub row {
    my (%row) = @_;
    my $n = $row{base};
    my @values = map { $n++ } @Counts, @Gauges;

    @values[0, 1] = (2, 1) if !$row{base};

    $t->sql("INSERT INTO minutes (minute, zone, number, elapsed, "
            . join(', ', @Counts, @Gauges) . ", times) VALUES ("
            . join(', ', ($T + 60 * $row{minute}) * 1000, $row{zone},
                   $row{minute} + 1, 1000 * ($row{elapsed} // 60), @values)
            . ", $row{times})", $logs);
}


sub expected {
    my (@bases) = @_;
    my ($n, %values) = (0);

    for my $name (@Counts, @Gauges) {
        $values{$Shown{$name} // $name} = sum0(@bases) + @bases * $n++;
    }

    return \%values;
}


sub shown {
    my ($point) = @_;
    return { map { $_ => $point->{$_} } map { $Shown{$_} // $_ }
             @Counts, @Gauges };
}


sub points {
    my ($from, $to, $step) = @_;
    my $res = $t->get("/v1/metrics/history?from=2025-01-01T${from}Z"
                      . "&to=2025-01-01T${to}Z&step=$step");

    $res->{status} eq '200' or die "$res->{status} $res->{body}";

    return @{$res->{json}{points}};
}
