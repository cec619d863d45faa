# Stored logs: what is in them and whose they are; they survive reloads and
# restarts, each once; rate, retention, sample and level; they can be read when
# the events cannot, and keep no event waiting where the pool has one thread.
# No token, payload or header is ever in them.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw( time );
use Time::Local qw( timegm );
use Triggers::Nginx;

my $keys = <<'END' =~ s/\n\z//r;
    triggers_key    "bob-token"   user=bob   scopes=events:write,logs:read;
    triggers_key    "eve-token"   user=eve   scopes=events:write,logs:read;
END

(my $config = Triggers::Nginx::default_config())
    =~ s/^ *triggers_key .*/$&\n$keys/m;
$config =~ s/^( *triggers_store .*);/$1  logs=%%DIR%%\/elsewhere;/m;


# one worker, since the requests of two are logged in any order

my $t = Triggers::Nginx->new(config => $config, workers => 1)->plan(48);
my $logs = "$t->{dir}/elsewhere";
my $asked = 0;
my @bob = (key => 'bob-token');
my @eve = (key => 'eve-token');

$t->ready();

# one request

my $res = $t->post('/v1/events', '{"event_type":"a","payload":{"b":"in-it"}}',
                   @bob, 'X-Request-ID' => 'req-1',
                   'X-Correlation-ID' => 'Cor-1', 'X-Odd' => 'odd-header');
my $id = $res->{json}{event_id};

my $log = stored('correlation_id=Cor-1', @bob);

is($log->{level}, 'info', 'its level');
is($log->{message}, 'POST /v1/events', 'what it was');
is($log->{correlation_id}, 'Cor-1', 'its correlation id');

my $context = $log->{context};
like(delete $context->{latency_ms}, qr/^\d+(\.\d{1,3})?$/, 'how long it took');
like(delete $context->{key_id}, qr/^\w+$/, 'by which key');
is_deeply($context, { kind => 'request', request_id => 'req-1',
                      event_id => $id, status => 201 },
          'and all else that there is of it') or diag(explain($context));

is(stored('correlation_id=Cor-1')->{context}{user_id}, 'bob',
   'who sees all owners is told whose it is');
is_deeply([ logs('correlation_id=Cor-1', @eve) ], [],
          'another owner does not see it');

# others

$t->post("/v1/events/$id/ack", undef, 'X-Request-ID' => 'req-2');
$t->get('/v1/events/0193b3a0-0000-7000-8000-000000000001',
        'X-Request-ID' => 'req-3');
$t->post('/events', '{}', key => 'wrong-token', 'X-Request-ID' => 'req-4');

stored('q=req-4');

is(join(' ', map { $_->{context}{request_id} } logs("event_id=$id")),
   'req-2 req-1', 'those of an event, newest first');

my ($missing, $refused) = map { stored("q=$_") } 'req-3', 'req-4';

is($missing->{level}, 'warn', 'a request that was refused is a warning');
is($missing->{context}{error}, 'NOT_FOUND', 'with the error of its answer');
is($refused->{context}{error}, 'UNAUTHORIZED', 'as one without a key');
is($refused->{context}{user_id}, undef, 'which has no owner');
is_deeply([ logs('q=req-4', @bob) ], [], 'and is for who sees all');

is(join(' ', map { $_->{context}{request_id} } logs('level=warn&q=req-')),
   'req-4 req-3', 'level is that one and above');
is_deeply([ logs('level=error&q=req-') ], [], 'of which there may be none');

is(scalar(logs('q=not_FOUND&level=warn')), 1, 'text, in whatever case');
is(scalar(logs('q=REQ-3')), 1, 'also of the request id');
is_deeply([ logs("since=$missing->{timestamp}&q=req-1") ], [],
          'since leaves out what was before');
is(scalar(logs("since=$missing->{timestamp}&q=req-4")), 1,
   'and has what came after');

# pages

$t->post('/events', '{"payload":{}}', @eve, 'X-Request-ID' => "page-$_")
    for 1 .. 7;
stored('q=page-7');

my $all = join ' ', map { $_->{context}{request_id} } logs('q=page-', @eve);
my ($cursor, @ids) = ('');

do {
    $res = $t->get("/logs?q=page-&limit=2$cursor", @eve);
    push @ids, map { $_->{context}{request_id} } @{$res->{json}{logs}};
    $cursor = '&cursor=' . ($res->{json}{pagination}{next_cursor} // '');
} while ($res->{json}{pagination}{has_more} && @ids < 100);

is($all, join(' ', map { 'page-' . (8 - $_) } 1 .. 7), 'those of an owner');
is("@ids", $all, 'the same in pages');

# how soon: a busy machine may take longer by itself, but not each time

my $took;

for (1 .. 5) {
    $t->post('/events', '{"payload":{}}', 'X-Request-ID' => "soon-$_");
    $took = time() - seconds(stored("q=soon-$_")->{timestamp});
    last if $took < 1 * $Triggers::Nginx::Scale;
}

cmp_ok($took, '<', 1 * $Triggers::Nginx::Scale,
       'a request is among the logs within a second');

# reloads and restarts

$t->post('/events', '{"payload":{}}', 'X-Request-ID' => 'load-1');
$t->reload();
$t->post('/events', '{"payload":{}}', 'X-Request-ID' => 'load-2');
ok(stored('q=load-2'), 'logs go on after a reload');

# where they are is the same for old workers and new ones, not whether they are

$t->allow(qr/\[emerg\] .*has its logs in/);
$t->write_config($config =~ s/elsewhere/nowhere/r);
$t->signal('HUP');
ok(wait_for(sub { $t->read('error.log') =~ m{\[emerg\] .*"[^"]*/nowhere" while}
            }), 'another path is refused');

$t->write_config($config =~ s/^ *triggers_store .*\n/$&triggers_logs off;\n/mr);
ok($t->reload(), 'they are turned off');
$t->write_config($config);
ok($t->reload(), 'and on again');
$t->post('/events', '{"payload":{}}', 'X-Request-ID' => 'on-1');
ok(stored('q=on-1'), 'they are stored again');

# the last one is written by the process that ends

$t->post('/events', '{"payload":{}}', 'X-Request-ID' => 'load-3');
$t->quit();

my $last = $t->sql('SELECT max(log_id) FROM logs', $logs);
my $start = time();

$asked = 0;
configure('rate=5');

is(join(' ', map { $_->{context}{request_id} } logs('q=load-')),
   'load-3 load-2 load-1', 'a restart loses none');
is(join(' ', map { scalar(logs("q=$_")) } 'req-1', 'load-1', 'page-1'),
   '1 1 1', 'each is there once');
is_deeply([ grep { $_->{level} ne 'error' } logs('q=/health') ], [],
          'what machines ask again and again is not stored');

# a rate: what is below warn is left out, counted and told; asking for logs
# is one more of these

for (1 .. 60) {
    $t->post('/events', '{"payload":{}}', 'X-Request-ID' => "rate-$_");
    $t->get('/v1/nothing', 'X-Request-ID' => "warn-$_") if $_ <= 20;
}

my $infos = $asked + 60;

ok(wait_for(sub { infos() + limited() >= $infos && told() == limited() }),
   'what a rate leaves out is counted and told')
    or diag(join ', ', $infos, infos(), limited(), told());

is(rows('warn-%'), 20, 'it lets every warning pass');
cmp_ok(infos(), '>=', 5, 'and some others');
cmp_ok(infos(), '<=', 5 + 5 * (time() - $start), 'not more than it allows');
is((logs('q=were+not+stored'))[0]{context}{kind}, 'background',
   'it is told as something of ours');
is_deeply([ logs('q=were+not+stored', @bob) ], [], 'for who sees all owners');

# nothing that is nobody's business

$t->quit();

my $files = join '', map { slurp($_) } glob "$logs*";

like($files, qr/req-1/, 'the files hold the logs');
is(join(' ', grep { $files =~ /$_/ } 'test-key', 'bob-token', 'wrong-token',
        'in-it', 'odd-header'), '', 'but no token, payload or header');

# retention, and a sample

$t->sql("UPDATE logs SET at = at - 8 * 86400000, "
        . "latest = latest - 8 * 86400000", $logs);
configure('sample=4 rate=0');
$t->post('/events', '{"payload":{}}', 'X-Request-ID' => "sample-$_")
    for 1 .. 40;

ok(wait_for(sub { rows('req-%') == 0 }), 'old logs go');
ok(wait_for(sub { rows('sample-%') == 10
                  && metric('triggers_logs_suppressed', 'sample') == 30 }),
   'a sample: one of so many is stored, the others are counted');
is(metric('triggers_logs_writable') . metric('triggers_logs_failures'), '10',
   'nothing has failed');
$t->quit();

# A pool of one thread, and logs that are asked for before the logger has run:
# the thread waited a second for it, and with it the logger and the commits.

$t->{workers} = 1;
$t->write_config($config =~ s/^events/thread_pool  default  threads=1;\n\n$&/mr
                         =~ s/triggers_logs .*;/triggers_logs  level=warn;/r);

# a busy machine may take as long by itself, but not each time

my $told;

for (1 .. 3) {
    $t->start();

    my $early = http_start($t, "GET /logs HTTP/1.1\r\nHost: localhost\r\n"
                               . "X-API-Key: test-key\r\n"
                               . "Connection: close\r\n\r\n");

    select undef, undef, undef, 0.02;
    $start = time();
    $t->post('/events', '{"payload":{}}');
    $took = time() - $start;

    $told = http_end($early)->{status};
    $t->quit();

    last if $took < 0.8 * $Triggers::Nginx::Scale;
}

cmp_ok($took, '<', 0.8 * $Triggers::Nginx::Scale,
       'logs keep no event waiting');
is($told, 200, 'and are told');

# a level, while the database of the events is none

$t->write('events.db', 'this is no database' x 1000);
configure('level=warn', 1);

ok(wait_for(sub { $t->get('/inbox')->{status} eq '503' }),
   'events cannot be read');
is(scalar(logs('q=sample-')), 10, 'but logs can');
ok(stored('q=/inbox&level=error'), 'and are stored on');
is_deeply([ logs('q=GET+/logs') ], [],
          'what is below the level is not stored');


sub configure {
    my ($parameters, $broken) = @_;

    $config =~ s/^ *triggers_logs .*\n//m;
    $config =~ s/^ *triggers_store .*\n/$&    triggers_logs  $parameters;\n/m;
    $t->write_config($config);

    $broken ? $t->start() : $t->ready();
}


sub logs {
    my ($query, @args) = @_;
    my $res = $t->get("/logs?limit=1000&$query", @args);

    $asked++;
    $res->{status} eq '200' or die "GET /logs: $res->{status} $res->{body}\n";

    return @{$res->{json}{logs}};
}


# the newest that there is when there is one

sub stored {
    my ($query, @args) = @_;

    my ($log) = wait_for(sub { my @logs = logs($query, @args); $logs[0] });

    return $log;
}


sub rows {
    my ($ids) = @_;
    return $t->sql("SELECT count(*) FROM logs "
                   . "WHERE correlation_id LIKE '$ids'", $logs);
}


# what was stored since of what has a limit

sub infos {
    return $t->sql("SELECT count(*) FROM logs WHERE kind = 0 AND level = 1 "
                   . "AND log_id > $last", $logs);
}


sub limited { metric('triggers_logs_suppressed', 'rate') }


# the sum of all that we are told was not stored

sub told {
    my @rows = $t->sql("SELECT message FROM logs WHERE message LIKE "
                       . "'%were not stored: rate'", $logs);
    my $n = 0;

    $n += /^(\d+) records/ ? $1 : die for @rows;

    return $n;
}


sub metric {
    my ($name, $reason) = @_;
    my $label = defined $reason ? qr/\{reason="$reason"\}/ : '';
    my $body = $t->get('/metrics', Accept => 'text/plain')->{body};

    return $body =~ /^$name(?:_total)?$label (\d+)$/m ? $1 : die $name;
}


sub seconds {
    my ($y, $mon, $d, $h, $min, $s) = split /[-T:Z]/, shift;
    return timegm(0, $min, $h, $d, $mon - 1, $y) + $s;
}


sub slurp {
    my ($file) = @_;
    local $/;
    open my $fh, '<:raw', $file or die "$file: $!";
    return scalar <$fh>;
}
