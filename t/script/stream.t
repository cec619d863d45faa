# The live stream: every client sees what every worker did, and nobody else's;
# filters; resuming with none missed and none repeated; keys that change; a
# reload; clients as they are found in the world.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Nginx;
use Triggers::Stream;

my $t = Triggers::Nginx->new(workers => 3, config => <<'END')->plan(68);
%%GLOBALS%%

events {
    worker_connections  1024;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=root   scopes=admin;
    triggers_key    "alice-key"  user=alice
                                 scopes=events:write,events:read,logs:read;
    triggers_key    "bob-key"    user=bob
                                 scopes=events:write,events:read,logs:read;
    triggers_key    "slow-key"   user=eve    scopes=admin  rate=2;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }

        location /fast/ {
            triggers                   main;
            triggers_stream_heartbeat  100ms;
        }

        location /lingering/ {
            triggers           main;
            lingering_close    always;
            lingering_time     1h;
            lingering_timeout  1h;
        }

        # a page that cannot set headers has its key added on the way

        location /proxied/ {
            proxy_pass          http://127.0.0.1:%%PORT%%/;
            proxy_http_version  1.1;
            proxy_set_header    Authorization "Bearer alice-key";
            proxy_read_timeout  60s;
        }
    }
}
END

$t->ready();

# --- what each worker did ---

my @all = map { stream('/api/stream?types=log', 'test-key') } 1 .. 6;
my @alice = map { stream('/v1/stream?types=log', 'alice-key') } 1 .. 6;
my $bob = stream('/api/stream?types=log', 'bob-key');
my $worst = stream('/api/stream?types=log&level=warn', 'test-key');

is(join(' ', map { $_->start()->{status} } @all, @alice, $bob, $worst),
   join(' ', (200) x 14), 'streams are open');

my %ids = map { $_ => 1 } map { post('alice-key') } 1 .. 60;
my $id = post('bob-key');

my @seen = map { [entries($_, sub { event_id($_) eq $id })] } @all;

is(join(' ', map { scalar grep { $ids{event_id($_)} } @$_ } @seen),
   join(' ', (60) x 6), 'all of them are told of all events');
is(scalar(grep { ordered(@$_) } @seen), 6, 'in one order');
is($seen[0][0]{json}{context}{user_id}, 'alice', 'and whose they are');

my $last = post('alice-key');
@seen = map { [entries($_, sub { event_id($_) eq $last })] } @alice;
is(join(' ', map { scalar @$_ } @seen), join(' ', (61) x 6),
   'an owner sees what is its own');
is(scalar(grep { defined $_->{json}{context}{user_id} } map { @$_ } @seen), 0,
   'and is not told whose that is');
is(scalar(grep { event_id($_) eq $id } map { @$_ } @seen), 0,
   'nothing of others');

is(join(' ', map { event_id($_) } entries($bob, sub { 1 })), $id,
   'nor does the other owner');

$t->get('/v1/nothing', key => 'alice-key');
my ($warned) = entries($worst, sub { 1 });
is($warned->{json}{level}, 'warn', 'a level leaves out what is below');
is($warned->{json}{message}, 'no such route', 'and keeps what is not');

$_->close() for @all, @alice, $bob, $worst;
ok(wait_for(sub { open_streams() == 0 }), 'clients that leave are noticed');

# --- several types ---

my $s = stream('/api/stream', 'test-key');
my @types = map { $s->next()->{event} } 1 .. 2;
is("@types", 'pipeline-update metrics', 'at once how things are');
like($s->{last_id}, qr/^[0-9a-f]{16}-\d+$/, 'and an id, before any entry');

post('alice-key');
my @seen2 = $s->until(sub { $_->{event} eq 'pipeline-update' });
ok(@seen2, 'and again when they have changed');
is($seen2[-1]{json}{events}{pending}, 63, 'with how many events there are');
ok((grep { $_->{event} eq 'log' } @seen2), 'logs beside it');
@seen2 = $s->until(sub { $_->{event} eq 'metrics' });
is($seen2[-1]{json}{total_events}, 63, 'metrics every few seconds');
$s->close();

# --- changes of events ---

my @watch = map { stream("/api/stream?types=event$_->[1]", $_->[0]) }
            ['alice-key', ''], ['alice-key', '&event_type=order.*'],
            ['alice-key', '&event_type=order.made'], ['bob-key', ''],
            ['test-key', ''];
$_->start() for @watch;

my @made = map { post('alice-key', $_) }
           qw( other order.made order.changed order.made );
$t->post("/v1/events/$made[1]/ack", '');
post('bob-key', 'order.made');

is(changes($watch[0], 5), 'other:created order.made:created '
   . 'order.changed:created order.made:created order.made:acknowledged',
   'all that happens to events of an owner');
is(changes($watch[1], 4), 'order.made:created order.changed:created '
   . 'order.made:created order.made:acknowledged', 'those of some types');
is(changes($watch[2], 3), 'order.made:created order.made:created '
   . 'order.made:acknowledged', 'of one');
is(changes($watch[3], 1), 'order.made:created', 'nothing of another');
is(changes($watch[4], 6), 'other:created order.made:created '
   . 'order.changed:created order.made:created order.made:acknowledged '
   . 'order.made:created', 'an administrator sees all');
$_->close() for @watch;

# --- filters of levels: what machines ask for is left out, unless it is named

$s = stream('/api/stream?types=log&level=debug', 'test-key');
my $plain = stream('/api/stream?types=log', 'test-key');
$_->start() for $s, $plain;
$t->get('/metrics');
$id = post('alice-key');
like(levels($s, $id), qr/\bdebug\b/, 'debug shows all');
unlike(levels($plain, $id), qr/debug/, 'the default what people do');
$_->close() for $s, $plain;

# --- resuming, while others go on: every worker, none missed, none repeated --

$s = stream('/api/stream?types=log', 'alice-key');
$s->start();
wait_for(sub { $s->next(0.05); $s->{last_id} });

my $writer = $t->child(sub {
    my $sock = $t->connect();
    for my $n (1 .. 600) {
        $t->post('/events', '{"payload":{}}', key => 'alice-key',
                 sock => $sock, 'X-Request-ID' => "resume-$n");
        sleep 0.001;
    }
});

my (%times, $gaps, $reconnects);
my $late = time() + 60 * $Triggers::Nginx::Scale;
my $cursor = $s->{last_id};

while (keys %times < 600 && time() < $late) {
    my $got = 0;

    while ($got < 1 + int rand 60) {
        my $message = $s->next(10) or last;
        $gaps++ if $message->{event} eq 'gap';
        my $request = $message->{json}{context}{request_id} // '';
        $times{$request}++ if $request =~ /^resume-/;
        $cursor = $message->{id};
        $got++;
    }

    last if !$got;

    $s->close();
    $reconnects++;
    $s = $reconnects % 2
         ? stream("/api/stream?types=log&last_event_id=$cursor", 'alice-key')
         : stream('/v1/stream?types=log&last_event_id=' . '0' x 16 . '-1',
                  'alice-key', 'Last-Event-ID' => $cursor);
}

waitpid $writer, 0;
is(scalar keys %times, 600, 'a client that comes again and again misses none');
is(scalar(grep { $_ != 1 } values %times), 0, 'and sees none twice');
cmp_ok($reconnects, '>', 9, "in $reconnects connections");
is($gaps, undef, 'without a gap');
$s->close();

# --- what cannot be resumed ---

my ($nonce, $number) = $cursor =~ /^(.*)-(\d+)$/;
my $gap = stream("/api/stream?types=log&last_event_id=$nonce-999999999",
                 'test-key')->next();
is("$gap->{event} $gap->{data}", 'gap {"missed":null,"reason":"unknown"}',
   'an id that is still to come');
cmp_ok(($gap->{id} =~ /-(\d+)$/)[0], '>=', $number, 'goes on from now');

my $places = 0;

do {
    $t->get('/v1/nothing', key => undef) for 1 .. 200;
    $places += 200;
    $s = stream("/api/stream?types=log&level=error&last_event_id=$nonce-1",
                'test-key');
    $gap = $s->next(0.3);
    $s->close();
} while (($gap->{event} // '') ne 'gap' && $places < 10_000);

is($gap->{event}, 'gap', 'what was overwritten is told of');
is($gap->{json}{reason}, 'overtaken', 'why');
cmp_ok($gap->{json}{missed}, '>', 0, 'and how much');

# --- heartbeats: they carry an id on, though nothing matches ---

$s = stream('/fast/api/stream?types=log&level=error', 'test-key');
$s->start();
wait_for(sub { $s->next(0.05); $s->{comments} > 0 && $s->{last_id} });
my $before = ($s->{last_id} =~ /-(\d+)$/)[0];
$t->get('/v1/health') for 1 .. 5;
ok(wait_for(sub { $s->next(0.05);
                  ($s->{last_id} =~ /-(\d+)$/)[0] >= $before + 5 }),
   'heartbeats tell how far it has come');
$s->close();

$s = stream('/fast/api/stream?types=metrics', 'test-key');
$s->next();
ok(wait_for(sub { $s->next(0.05); $s->{comments} > 2 }), 'and go on');
is($s->{last_id}, '', 'without an id where there are none');
$s->close();

# --- one request of the limit, however long ---

$s = stream('/api/stream?types=metrics', 'slow-key');
is($s->start()->{headers}{'x-ratelimit-remaining'}, 1, 'a stream costs one');
is($t->get('/metrics', key => 'slow-key')->{status}, 200, 'another request');
is(stream('/api/stream', 'slow-key')->start()->{status}, 429, 'then no more');
ok($s->next(), 'it goes on');
$s->close();

# --- keys that change ---

for my $case (['revoked', sub { $t->delete("/v1/keys/$_[0]{key_id}") }],
              ['revoked', sub { patch($_[0], '{"is_active":false}') }],
              map { my $body = $_; ['forbidden', sub { patch($_[0], $body) }] }
              '{"scopes":["events:read"]}', '{"allowed_ips":["192.0.2.1"]}')
{
    my ($reason, $change) = @$case;
    my $key = $t->post('/v1/keys', encode_json({ name => 'x', user_id => 'dave',
                       scopes => ['logs:read'] }))->{json};

    $s = stream('/api/stream?types=log', $key->{key});
    $s->start();
    $change->($key);
    my @rest = $s->rest();
    is($rest[-1]{data}, qq({"reason":"$reason"}), "the key is $reason");
}

my $key = $t->post('/v1/keys', encode_json({ name => 'x', user_id => 'dave',
                   scopes => ['logs:read', 'events:read'] }))->{json};
$s = stream('/api/stream?types=log', $key->{key});
$s->start();
is(patch($key, '{"scopes":["logs:read"]}'), 200,
   'a scope that it has no need of');
sleep 1.2;
ok(!$s->next(0.1) && !$s->{ended}, 'is no reason to end');
$s->close();

# --- time and number ---

my $start = time();
my @end = stream('/api/stream?types=log&timeout=1', 'alice-key')->rest();
is($end[-1]{data}, '{"reason":"timeout"}', 'a time limit');
cmp_ok(time() - $start, '>=', 0.99, 'not before it');

$s = stream('/api/stream?types=log&limit=3', 'alice-key');
$s->start();
post('alice-key') for 1 .. 5;
@end = $s->rest();
is(join(' ', map { $_->{event} } @end), 'log log log end',
   'a number of messages');
ok($s->{complete}, 'after which the answer is complete');

# --- a connection that has sent more than its request ---

my $sock = $t->connect();
print $sock Triggers::Nginx::text('GET', '/api/stream?types=log&timeout=1',
                                  sock => $sock)
            . Triggers::Nginx::text('GET', '/metrics', sock => $sock);
is(Triggers::Nginx::http_read($sock)->{status}, 200, 'a request behind it');
close $sock;

$sock = $t->connect();
print $sock Triggers::Nginx::text('GET', '/api/stream', sock => $sock)
            . Triggers::Nginx::text('GET', '/metrics', sock => $sock);
ok(wait_for(sub { open_streams() == 1 }), 'is not looked at');
close $sock;
ok(wait_for(sub { open_streams() == 0 }), 'the client that leaves is noticed');

# one whose end is not the end of the connection

for my $more ("\r\n", "Content-Length: 9\r\n\r\nabc") {
    $sock = $t->connect();
    print $sock "GET /lingering/api/stream?types=metrics&limit=1 HTTP/1.1\r\n"
                . "Host: localhost\r\nAuthorization: Bearer test-key\r\n$more";
    like(Triggers::Nginx::http_read($sock)->{body}, qr/^event: end\n/m, 'ends');
    ok(wait_for(sub { open_streams() == 0 }), 'and is over');
    close $sock;
}

# --- HTTP/1.0 ---

$sock = $t->connect();
print $sock "GET /api/stream?types=metrics&limit=1 HTTP/1.0\r\n"
            . "Authorization: Bearer test-key\r\n\r\n";
my $res = Triggers::Nginx::http_read($sock);
like($res->{body}, qr/event: end\n/, 'HTTP/1.0');

# --- the EventSource of a browser, through a proxy; a reload meanwhile ---

SKIP: {
    skip 'no EventSource in this Node.js', 5
        if `node --experimental-eventsource -p 'typeof EventSource' 2>&1`
           !~ /function/;

    my $source = event_source('/proxied/api/stream?types=log');

    ok(wait_for(sub { $source->() =~ /^open$/m }), 'EventSource is open');
    my @first = map { post('alice-key') } 1 .. 3;
    ok(wait_for(sub { has($source->(), @first) }), 'has what there is');
    ok($t->reload(), 'a reload ends the streams of the old workers');
    my @then = map { post('alice-key') } 1 .. 3;
    ok(wait_for(sub { has($source->(), @first, @then) }, 20),
       'it comes again by itself and has what it missed')
        or diag($source->());
    is(scalar(grep { $_ > 1 } values %{{ counts($source->()) }}), 0,
       'nothing of it twice');
    $t->end_children();
}

# --- reload and end ---

my @open = map { stream('/api/stream?types=log', 'test-key') } 1 .. 20;
$_->start() for @open;
ok($t->reload(), 'old workers do not wait for their streams');
my @last = map { ($_->rest())[-1] } @open;
is(scalar(grep { ($_->{data} // '') eq '{"reason":"reload"}' } @last), 20,
   'which are told');
my %retry = map { $_->{retry} => 1 } @open;
cmp_ok(scalar keys %retry, '>', 1, 'not to come again all at once');

$s = stream('/api/stream?types=log', 'test-key');
$s->start();
ok($t->quit(), 'quits');
is(($s->rest())[-1]{event}, 'end', 'and ends what is open');


sub stream {
    my ($uri, $key, @headers) = @_;
    return Triggers::Stream->open($t, $uri, key => $key, @headers);
}


sub post {
    my ($key, $type) = @_;
    return $t->post('/events', encode_json({ event_type => $type // 'a.b',
                                             payload => {} }),
                    key => $key)->{json}{event_id};
}


# that many of them, in order, as one text

sub changes {
    my ($s, $n) = @_;
    my @seen = $s->until(sub { !--$n });
    return join ' ', map { "$_->{json}{event_type}:$_->{json}{action}" } @seen;
}


# log entries up to the one for which it holds

sub entries {
    my ($s, $condition) = @_;
    return grep { $_->{event} eq 'log' } $s->until($condition);
}


sub levels {
    my ($s, $id) = @_;
    return join ' ', map { $_->{json}{level} }
                     entries($s, sub { event_id($_) eq $id });
}


sub event_id { $_[0]{json}{context}{event_id} // '' }


sub ordered {
    my @ids = map { ($_->{id} =~ /-(\d+)$/)[0] } @_;
    return join(' ', @ids) eq join(' ', sort { $a <=> $b } @ids);
}


sub open_streams {
    my $text = $t->get('/metrics', Accept => 'text/plain')->{body};
    return $text =~ /^triggers_streams (\d+)$/m ? $1 : -1;
}


sub patch {
    my ($key, $body) = @_;
    return $t->request('PATCH', "/v1/keys/$key->{key_id}",
                       body => $body)->{status};
}


# what t/tools/eventsource.js has written so far

sub event_source {
    my ($uri) = @_;
    my $url = 'http://127.0.0.1:' . $t->port() . $uri;
    my $out = "$t->{dir}/eventsource";

    $t->child(sub {
        delete @ENV{qw( LD_PRELOAD )};
        CORE::open STDOUT, '>', $out;
        exec 'node', '--experimental-eventsource', '--no-warnings',
             "$Triggers::Nginx::Root/t/tools/eventsource.js", $url
            or die "node: $!";
    });

    return sub { $t->read('eventsource') };
}


sub counts {
    my ($text) = @_;
    my %times;
    $times{$_}++ for $text =~ /^log (\S+)$/mg;
    return %times;
}


sub has {
    my ($text, @ids) = @_;
    my %times = counts($text);
    return !grep { !$times{$_} } @ids;
}
