# Much to remove on a server that has nothing else to do: it takes a while, and
# what is due meanwhile does not wait for its end.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

use constant EVENTS => 150_000;

(my $config = Triggers::Nginx::default_config())
    =~ s/^ *triggers_store .*/$&\n    triggers_retention events=1s audit=off;/m;

my $t = Triggers::Nginx->new(config => $config)->plan(6);

$t->ready();

my $id = $t->post('/events', '{"payload":{}}')->{json}{event_id};

$t->quit();
fill();
$t->ready();

my $res = $t->post('/v1/inbox/lease', '{"lease_seconds":1}');

is($res->{json}{events}[0]{event_id}, $id, 'an event is leased');

my $unhealthy = 0;

ok(wait_for(sub {
    $unhealthy += ($t->get('/v1/health')->{status} ne '200');
    return !defined $t->get("/v1/events/$id")->{json}{leased_until};
}, 120), 'the lease ends');

cmp_ok($t->sql('SELECT count(*) FROM done'), '>', 0,
       'while there is much left');
like($t->get('/metrics', Accept => 'text/plain')->{body},
     qr/^triggers_events\{state="acknowledged"\} (?!@{[ EVENTS ]}$)/m,
     'of which the metrics know how much');
is($unhealthy, 0, 'it is healthy meanwhile');
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'events are taken');


# events that were acknowledged long ago

sub fill {
    my $rows = 'WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 '
               . 'FROM n LIMIT ' . EVENTS . ')';
    my $add = EVENTS;

    $t->sql(<<"END");
BEGIN;
$rows INSERT INTO events (seq, id, owner, created_at, priority, payload)
    SELECT n, randomblob(16), owner, created_at, 1, '{}'
    FROM n, (SELECT owner, created_at FROM events WHERE seq = 1);
$rows INSERT INTO event_state (seq, status, updated_at, acknowledged_at,
                               done_at)
    SELECT n, 0, 1, 1, 1 FROM n;
$rows INSERT INTO inbox (lane, seq, owner)
    SELECT 0, n, owner FROM n, (SELECT owner FROM events WHERE seq = 1);
$rows INSERT INTO done (at, seq) SELECT 1, n FROM n;
INSERT INTO counts (owner, status, n)
    SELECT owner, 0, $add FROM counts GROUP BY owner;
UPDATE store SET next_seq = next_seq + $add, total_events = total_events + $add;
COMMIT;
END
}
