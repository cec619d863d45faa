# Batches are stored whole or not at all, whoever dies meanwhile; what does
# not fit is refused, and what a batch waits with comes back.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $Size = 500;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  %%STORE%%;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            client_max_body_size 20m;
            triggers_event_max_size 64k;
            triggers_commit_timeout 60s;
        }
    }
}
END

my $t = start('zone=16m', workers => 3)->plan(39);

# clients that post batches, each once, while the one that drains is killed

my @clients = map { my $i = $_; $t->child(sub { client($i) }) } 1 .. 6;
my $killed = 0;

for (1 .. 12) {
    my $before = answered();

    wait_for(sub { answered() > $before + 3 }) or last;
    sleep rand 0.02;

    $killed++ if $t->kill_drainer();
}

is($killed, 12, 'the one that drains was killed twelve times');

my $before = answered();
ok(wait_for(sub { answered() > $before + 3 }), 'batches are stored as before');

$t->write('stop', '');
waitpid $_, 0 for @clients;

my (%sent, %id);

for my $i (1 .. 6) {
    for my $line (split /\n/, $t->read("client.$i")) {
        my ($batch, $status, $first, $last) = split / /, $line;
        $sent{$batch} = $status;
        $id{$batch} = "$first $last" if $status eq '201';
    }
}

cmp_ok(scalar(keys %id), '>', 20, 'batches were answered');
is(join(',', grep { !/^(?:201|)$/ } values %sent), '', 'with nothing else');

my (%whole, @wrong);

for my $row ($t->sql("SELECT json_extract(payload, '\$.b') AS b, count(*), "
    . "count(DISTINCT json_extract(payload, '\$.n')), lower(hex(min(id))), "
    . "lower(hex(max(id))), max(seq) - min(seq) FROM events GROUP BY b"))
{
    my ($batch, $rows, $numbers, $first, $last, $span) = split /\|/, $row;

    $whole{$batch} = 1;

    push @wrong, "$batch has $rows rows of $numbers events"
        if $rows != $Size || $numbers != $Size;
    push @wrong, "$batch is not one piece" if $span != $Size - 1;
    push @wrong, "$batch has other ids"
        if exists $id{$batch} && $id{$batch} ne "$first $last";
    push @wrong, "$batch was never sent" if !exists $sent{$batch};
}

is(join('; ', @wrong), '', 'each that is there is there whole');
is(join(',', grep { !$whole{$_} } keys %id), '',
   'each that was answered is there');
is(inconsistencies($t), '', 'counters agree');
ok($t->quit(), 'quits');

# acknowledgements of them, half of them by two at once

$t->ready();

my @ids = $t->sql('SELECT lower(hex(id)) FROM events ORDER BY seq LIMIT 400');
my @halves = map { ack(@$_) } [@ids[0 .. 299]], [@ids[100 .. 399]];
my @socks = map { $t->http_start($_) } @halves;
my %count;

for my $res (map { http_end($_) } @socks) {
    $count{$_->{status} // $_->{error}{code}}++ for @{$res->{json}{results}};
}

is_deeply(\%count, { acknowledged => 400, CONFLICT => 200 },
          'each event is acknowledged once');
is($t->get('/inbox?status=acknowledged&limit=1')->{json}{total}, 400,
   'and they are');
is(inconsistencies($t), '', 'counters agree');
ok($t->quit(), 'quits again');

# A zone whose ring takes no record of a thousand events with all that is
# kept of their request, though the body is small.

$t = start('zone=1m', checks => 0);

my %long = ('User-Agent' => 'x' x 500);
my $res = $t->post('/v1/events/batch', numbered(1000), %long);

is($res->{status}, 413, 'a batch that is larger than the queue');
is($res->{json}{error}{code}, 'PAYLOAD_TOO_LARGE', 'has its code');
is($t->post('/v1/events/batch', numbered(1000))->{status}, 201,
   'without all that it fits');
is($t->post('/v1/events/batch', numbered(100), %long)->{status}, 201,
   'a smaller one too');

my $most = largest(2_000_000);

cmp_ok($most, '>', 64 * 1024, 'the body has a limit, too');
is(post_bytes($most), 201, 'of which all can be used');
is($t->get('/inbox?limit=1')->{json}{total}, 1100 + int($most / 50_100),
   'what was accepted is stored');
is(inconsistencies($t), '', 'counters agree');
clean('with a small zone');

# Results of a batch take up places of requests that wait: with four of them
# one of 384 events is the largest, and a larger one would never be taken.

$t = start('zone=16m  waiting=4', workers => 1, checks => 0);

for my $round (1 .. 3) {
    $res = $t->post('/v1/events/batch', numbered(385)) for 1 .. 20;

    is("$res->{status} " . ($res->{headers}{'retry-after'} // 'none'),
       '413 none', "round $round: refused for want of places");
    is($t->post('/v1/events/batch', numbered(384))->{status}, 201,
       'all of them are there again');
}

# places that are taken while others wait

$t->lock_database();

@socks = map { $t->http_start($_) } request(numbered(200)), request(numbered(1));

wait_for(sub { taken_in(2) });

for my $n (1, 2, 200, 384) {
    $res = $t->post('/v1/events/batch', numbered($n)) for 1 .. 5;
    is("$res->{status} $res->{headers}{'retry-after'}", '503 1',
       "no place is left for $n");
}

$t->unlock_database();
is(join(',', map { http_end($_)->{status} } @socks), '201,201',
   'those who had one are answered');

# clients that leave while they wait

$t->lock_database();

my $sock = $t->http_start(request(numbered(300)));

wait_for(sub { taken_in(1) });
close $sock;
wait_for(sub { !connections() });

is($t->post('/v1/events/batch', numbered(384))->{status}, 503,
   'places are kept until the commit');
$t->unlock_database();

ok(wait_for(sub {
       $t->post('/v1/events/batch', numbered(384))->{status} eq '201'
   }), 'and are free after it');

# clients that leave at any time, also while replays are looked up

my $replays = request('{"events":[' . join(',', map {
    qq({"event_type":"t","payload":{},"metadata":{"idempotency_key":"k$_"}})
} 1 .. 300) . ']}');

for my $i (1 .. 60) {
    $sock = $t->http_start($replays);
    sleep 0.0005 * ($i % 20);
    close $sock;
}

$res = undef;

ok(wait_for(sub {
       $res = http_end($t->http_start($replays));
       $res->{status} eq '201'
   }), 'replays are answered');
is(scalar(grep { $_->{idempotent_replayed} } @{$res->{json}{results}}), 300,
   'all of them');
is($t->sql('SELECT count(*) FROM idempotency'), 300, 'stored once');
is(inconsistencies($t), '', 'counters agree');
clean('with few places');


sub start {
    my ($store, %args) = @_;

    (my $config = $Config) =~ s/%%STORE%%/$store/;

    return Triggers::Nginx->new(config => $config, %args)->ready();
}


# a server that makes no checks of its own at the end

sub clean {
    my ($name) = @_;

    $t->quit();
    is($t->alerts() . Triggers::Nginx::reports("$t->{dir}/reports"), '',
       "no alerts or reports $name");
}


# posts numbered batches one after the other, and tells what became of each

sub client {
    my ($i) = @_;

    open my $out, '>', "$t->{dir}/client.$i" or die "client.$i: $!";
    $out->autoflush(1);

    for (my $n = 1; !-e "$t->{dir}/stop"; $n++) {
        my $batch = 1000 * $i + $n;
        my $res = $t->post('/v1/events/batch', '{"events":[' . join(',', map {
            qq({"event_type":"b","payload":{"b":$batch,"n":$_}})
        } 1 .. $Size) . ']}');
        my @ids = sort map { ($_->{event_id} // '') =~ s/-//gr }
                       @{$res->{json}{results} // []};

        print $out join(' ', $batch, $res->{status}, $ids[0] // '',
                        $ids[-1] // ''), "\n";
        sleep 0.01 if $res->{status} eq '';
    }
}


sub answered {
    my $n = 0;
    $n += () = $t->read("client.$_") =~ /^\d+ 201 /mg for 1 .. 6;
    return $n;
}


sub request {
    my ($body) = @_;
    return Triggers::Nginx::text('POST', '/v1/events/batch', body => $body);
}


sub numbered {
    my ($n) = @_;
    return '{"events":['
           . join(',', ('{"event_type":"t","payload":{}}') x $n) . ']}';
}


sub ack {
    my $ids = join ',', map {
        s/^(.{8})(.{4})(.{4})(.{4})/"$1-$2-$3-$4-/r . '"'
    } @_;

    return Triggers::Nginx::text('POST', '/v1/events/acknowledge/batch',
                                 body => qq({"event_ids":[$ids]}));
}


# the size of the largest body that is not refused unread

sub largest {
    my ($too_large) = @_;
    my $res = $t->post('/v1/events/batch', ' ' x $too_large);

    return $res->{json}{error}{message} =~ /larger than (\d+) bytes/ && $1;
}


# a batch of that many bytes

sub post_bytes {
    my ($bytes) = @_;
    my $events = join ',', map {
        '{"event_type":"t","payload":{"x":"' . 'x' x 50_000 . '"}}'
    } 1 .. int($bytes / 50_100);
    my $rest = $bytes - length qq({"events":[$events]});

    return $t->post('/v1/events/batch', qq({"events":[$events) . ' ' x $rest
                                        . ']}')->{status};
}


# whether that many clients are connected, and nothing they sent is unread

sub taken_in {
    my ($n) = @_;
    my @connections = connections();

    return @connections >= $n && !grep { !/:0+$/ } @connections;
}


# the queues of nginx' connections that are not closed yet, as the kernel says

sub connections {
    my $port = sprintf '%04X', $t->port();

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!";

    return map { /^ *\d+: \w+:$port \w+:\w+ (?:01|08) (\w+:\w+) / } <$in>;
}
