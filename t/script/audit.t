# The audit: what was done to events, keys and webhooks, by whom; whose entries
# are whose; pages that go on while entries are added and events removed.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Triggers::Nginx;

my $keys = <<'END' =~ s/\n\z//r;
    triggers_key    "bob-key"   user=bob    scopes=events:write,logs:read;
    triggers_key    "keys-key"  user=alice  scopes=keys:manage;
    triggers_key    "logs-key"  user=alice  scopes=logs:read;
    triggers_key    "hook-key"  user=alice  scopes=webhooks:manage;
END

my $hooks = <<'END';
            triggers_webhook_allow  127.0.0.0/8;
        }

        location = /gone {
            return  410;
END

(my $config = Triggers::Nginx::default_config())
    =~ s/^ *triggers_key .*/$&\n$keys/m;
$config =~ s/^ *triggers main;\n/$&$hooks/m;

my $t = Triggers::Nginx->new(config => $config)->plan(49);

$t->ready();

# an event's life

my $id = event('a');

is(actions("event_id=$id"), 'event.created', 'an event is created');

my $created = (entries("event_id=$id"))[0];

is($created->{event_id}, $id, 'its id');
is($created->{user_id}, 'alice', 'by whom');
is($created->{ip_address}, '127.0.0.1', 'from where');
is($created->{details}{event_type}, 'a', 'of what type');
is($created->{timestamp}, $t->get("/v1/events/$id")->{json}{created_at},
   'when');
like($created->{log_id}, qr/^\w{8}-\w{4}-8/, 'its own id');

my $res = $t->post("/v1/events/$id/ack", undef, 'X-Request-ID' => 'req-1');
is($res->{status}, 200, 'it is acknowledged');

my ($ack) = entries("event_id=$id");

is($ack->{action}, 'event.acknowledged', 'which is told');
is($ack->{timestamp}, $res->{json}{acknowledged_at}, 'with its time');
is($ack->{request_id}, 'req-1', 'the request');
is($ack->{ip_address}, '127.0.0.1', 'the address');
like($ack->{details}{actor_key_id}, qr/^\w+$/, 'and the key');

$t->post("/v1/events/$id/ack");
is(actions("event_id=$id"), 'event.acknowledged event.created',
   'a refused one is not');

$t->delete("/v1/events/$id");
is(actions("event_id=$id"),
   'event.deleted event.acknowledged event.created', 'it is deleted');
is_deeply((entries("event_id=$id"))[2], $created,
          'the entry of its creation stays as it was');

my $root = event('b');
$t->post("/inbox/$root/ack");
is(actions("event_id=$root"), 'event.deleted event.created',
   'the acknowledgement on root deletes');

# a lease: one is acknowledged, one fails after its attempts

my @two = map { event('c') } 1 .. 2;
my $lease = $t->post('/v1/inbox/lease', '{"event_type":"c"}')->{json}{lease_id};

$t->post('/v1/inbox/ack', JSON::PP::encode_json({ lease_id => $lease,
         event_ids => [ $two[0] ] }));
is(actions("event_id=$two[0]"), 'event.acknowledged event.created',
   'an event of a lease is acknowledged');
is((entries("event_id=$two[0]"))[0]{details}{reason}, 'lease', 'and why');

for (1 .. 5) {
    $t->post('/v1/inbox/release', JSON::PP::encode_json({
        lease_id => $lease, error => 'no' }));
    $lease = $t->post('/v1/inbox/lease', '{"event_type":"c"}')
               ->{json}{lease_id};
}

is(actions("event_id=$two[1]"), 'event.failed event.created', 'one fails');
$t->post("/v1/events/$two[1]/retry");
is(actions("event_id=$two[1]"), 'event.retried event.failed event.created',
   'and is retried');

# keys

my $key = $t->post('/v1/keys', '{"name":"k"}')->{json}{key_id};
$t->request('PATCH', "/v1/keys/$key", body => '{"name":"l"}');
my $new = $t->post("/v1/keys/$key/rotate", '{}')->{json}{key_id};
$t->delete("/v1/keys/$new");

is(actions('action=key.*'), 'key.revoked key.rotated key.updated key.created',
   'what was done to keys');
is((entries('action=key.rotated'))[0]{details}{key_id}, $key, 'to which');
is((entries('action=key.*'))[0]{event_id}, undef, 'and no event');

# webhooks

my $hook = $t->post('/v1/webhooks', webhook('https://hooks.example/'),
                    'X-Request-ID' => 'hook-0')->{json}{webhook_id};
$res = $t->request('PATCH', "/v1/webhooks/$hook", body => '{"is_active":false}',
                   'X-Request-ID' => 'hook-1');
$t->request('PATCH', "/v1/webhooks/$hook", body => '{}');
$t->request('PATCH', "/v1/webhooks/$hook", body => '{"is_active":1}');
$t->post("/v1/webhooks/$hook/rotate-secret", '{}',
         'X-Request-ID' => 'hook-2', key => 'hook-key');
$t->delete("/v1/webhooks/$hook", 'X-Request-ID' => 'hook-3');
$t->delete("/v1/webhooks/$hook");

is(actions('action=webhook.*'),
   'webhook.deleted webhook.rotated webhook.updated webhook.created',
   'what was done to webhooks');

my @hook = reverse entries('action=webhook.*');

is(list('request_id', @hook), 'hook-0 hook-1 hook-2 hook-3', 'by a request');
is(list('ip_address', @hook), join(' ', ('127.0.0.1') x 4), 'from where');
is(list('user_id', @hook), join(' ', ('alice') x 4), 'by whom');
is(list('owner', @hook), join(' ', ('alice') x 4), 'whose they are');
is(join(' ', map { $_->{details}{webhook_id} } @hook),
   join(' ', ($hook) x 4), 'to which');
is($hook[0]{details}{actor_key_id}, $ack->{details}{actor_key_id},
   'the key of the one');
like($hook[2]{details}{actor_key_id}, qr/^\w+$/, 'the key of the other');
isnt($hook[2]{details}{actor_key_id}, $hook[3]{details}{actor_key_id},
     'which is another one');
is($hook[1]{timestamp}, $res->{json}{updated_at}, 'when');
is($hook[0]{event_id}, undef, 'and no event');

# one that its receiver ends

my $gone = $t->post('/v1/webhooks',
                    webhook('http://127.0.0.1:' . $t->port() . '/gone'))
             ->{json}{webhook_id};

event('hook');
ok(wait_for(sub { actions("action=webhook.disabled") ne '' }),
   'a webhook that is gone is disabled');

my ($disabled) = entries('action=webhook.disabled');

is_deeply([@$disabled{qw( user_id owner ip_address request_id )}],
          [undef, 'alice', undef, undef], 'by nobody');
is_deeply($disabled->{details},
          { reason => 'delivery', webhook_id => $gone }, 'and why');

# who sees what

is(actions('', 'keys-key'),
   'key.revoked key.rotated key.updated key.created',
   'who manages keys sees what was done to keys');
is(actions('action=event.*', 'keys-key'), '', 'and no more');
is(actions('action=event.*,key.*', 'hook-key')
   . actions('action=webhook.updated', 'hook-key'), 'webhook.updated',
   'who manages webhooks what was done to these');
is(scalar(() = entries('', 'logs-key')), 22, 'who reads logs sees all his');
is(actions('', 'bob-key'), '', 'but not what is another\'s');

my $bobs = $t->post('/events', '{"payload":{}}', key => 'bob-key')
             ->{json}{event_id};
is(actions("event_id=$bobs", 'logs-key'), '', 'nor the other his');
is((entries("event_id=$bobs"))[0]{owner}, 'bob', 'an administrator sees all');

# times

my $from = $ack->{timestamp};
is((entries("to=$from&limit=1000"))[0]{log_id}, $ack->{log_id}, 'up to a time');
is((entries("from=$from&limit=1000"))[-1]{log_id}, $ack->{log_id},
   'from a time');

# pages, while new entries come in and events go

my @ids = map { event('page') } 1 .. 60;
my %before = map { $_->{log_id} => 1 } entries('limit=1000');
my (@seen, $cursor);

do {
    my $json = $t->get('/v1/audit?limit=7'
                       . ($cursor ? "&cursor=$cursor" : ''))->{json};

    push @seen, map { $_->{log_id} } @{ $json->{entries} };
    $t->delete("/v1/events/$_") for splice @ids, 0, 3;
    $cursor = $json->{pagination}{next_cursor};
} while ($cursor);

my %seen;
$seen{$_}++ for @seen;

is(scalar(grep { !$seen{$_} } keys %before), 0, 'no entry is missed');
is(scalar(grep { $_ > 1 } values %seen), 0, 'and none is there twice');


sub event {
    my ($type) = @_;

    return $t->post('/v1/events', "{\"event_type\":\"$type\",\"payload\":{}}")
             ->{json}{event_id};
}


sub webhook {
    my ($url) = @_;

    return "{\"url\":\"$url\",\"event_types\":[\"hook\"]}";
}


sub entries {
    my ($query, $key) = @_;
    my $res = $t->get("/v1/audit?$query", $key ? (key => $key) : ());

    return @{ $res->{json}{entries} // [] };
}


sub actions { list('action', entries(@_)) }


sub list {
    my ($member, @entries) = @_;

    return join ' ', map { $_->{$member} // 'null' } @entries;
}
