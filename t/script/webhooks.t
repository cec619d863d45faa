# /v1/webhooks from the making of a webhook to its end: what is answered, who
# may see and change it, which events it gets, and what is told of that.  The
# messages themselves are the subject of delivery.t.

use strict;
use warnings;

use JSON::PP;
use MIME::Base64 qw( decode_base64 );
use Test::More;
use Triggers::Nginx;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    log_format  got  '$uri $http_webhook_id';

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=root   scopes=admin;
    triggers_key    "alice-key"  user=alice
                    scopes=webhooks:manage,events:read,events:write,inbox:ack;
    triggers_key    "bob-key"    user=bob
                    scopes=webhooks:manage,events:read,events:write;

    triggers_delivery_schedule  100ms;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers                main;
            triggers_webhook_allow  127.0.0.0/8;
        }

        location /hooks/ {
            triggers  main;
        }
    }

    server {
        listen      127.0.0.1:%%PORT_2%%;
        access_log  %%DIR%%/got.log  got;

        location /ok {
            return  204;
        }

        location /fixed {
            return  204;
        }

        location /fail {
            return  500;
        }

        location /gone {
            return  410;
        }
    }
}
END

my $t = Triggers::Nginx->new(config => $Config)->plan(93);
my $json = JSON::PP->new->utf8->canonical;

my $Uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
my $Time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my $Unknown = '0192d4e0-7b1a-7cc3-9a52-5a0f2f0d3c11';
my $Own = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
my $Url = 'http://127.0.0.1:' . $t->port('_2');

my @secrets = ($Own);

$t->ready();


sub ask {
    my ($method, $uri, $body, $key) = @_;
    return $t->request($method, $uri, key => $key // 'alice-key',
                       defined $body ? (body => ref $body
                                                ? $json->encode($body)
                                                : $body) : ());
}

sub make {
    my ($path, $types, $key) = @_;
    my $res = ask('POST', '/v1/webhooks',
                  { url => "$Url$path", event_types => $types }, $key);
    $res->{status} eq '201' or diag("$res->{status} $res->{body}");
    push @secrets, $res->{json}{secret};
    return $res->{json}{webhook_id};
}

sub get { ask('GET', "/v1/webhooks/$_[0]", undef, $_[1])->{json} }

# what an answer says went wrong

sub fault {
    my ($res) = @_;
    my $error = $res->{json}{error};
    return join ' ', $res->{status}, $error->{code} // '-',
                     $error->{details}{field} // '-';
}

sub event {
    my ($type, $key) = @_;
    return ask('POST', '/v1/events', { event_type => $type, payload => {} },
               $key)->{json}{event_id};
}

# the event when it has that status, or what it is like after a while

sub becomes {
    my ($id, $status) = @_;
    my $event;

    wait_for(sub {
        $event = ask('GET', "/v1/events/$id")->{json};
        return ($event->{status} // '') eq $status;
    });

    return $event;
}

# paths that the receiver was asked for with an event

sub got {
    my ($id) = @_;
    my @lines;

    wait_for(sub { @lines = grep { /\Q$id\E/ } $t->read('got.log') =~ /.+/g });

    return join ' ', sort map { /^(\S+)/ } @lines;
}


# create

my $res = ask('POST', '/v1/webhooks',
              { url => "$Url/ok", event_types => ['order.*', 'x'],
                description => 'the shop' });
my $first = $res->{json};
my $id = $first->{webhook_id};
push @secrets, $first->{secret};

is($res->{status}, 201, 'created');
like($id, $Uuid, 'webhook_id');
is($res->{headers}{location}, "/v1/webhooks/$id", 'Location');
like($first->{secret}, qr{^whsec_[A-Za-z0-9+/]{32}$}, 'secret');
is(length decode_base64(substr $first->{secret}, 6), 24, 'of 24 bytes');
is($json->encode([ @$first{qw( user_id url event_types description is_active
                               format configured disabled_at breaker
                               last_success_at last_failure_at
                               last_error )} ]),
   qq{["alice","$Url/ok",["order.*","x"],"the shop",true,"standard",false,}
   . 'null,{"failures":0,"open_until":null,"state":"closed"},null,null,null]',
   'defaults');
like($first->{created_at}, $Time, 'created_at');
is($first->{updated_at}, $first->{created_at}, 'updated_at');
is($first->{request_id}, $res->{headers}{'x-request-id'}, 'request_id');
like($first->{timestamp}, $Time, 'timestamp');

$res = ask('POST', '/v1/webhooks',
           { url => "$Url/ok", secret => $Own, is_active => JSON::PP::false,
             format => 'cloudevents' });
my $second = $res->{json};
is($second->{secret}, $Own, 'a secret of the asker');
is("$second->{format} $second->{is_active}", 'cloudevents 0',
   'format and is_active');
isnt($second->{webhook_id}, $id, 'another id');

is(fault(ask('POST', '/hooks/v1/webhooks', { url => "$Url/ok" })),
   '400 VALIDATION_ERROR url', 'no such address in another location');


# read

my $read = get($id);
my %told = %$first;
delete @told{qw( secret timestamp request_id )};
delete @$read{qw( timestamp request_id )};
is($json->encode($read), $json->encode(\%told),
   'read as it was told, but for the secret');

is(ask('GET', "/v1/webhooks/$id", undef, 'bob-key')->{status}, 404,
   'not by another');
is(ask('GET', "/v1/webhooks/$id", undef, 'test-key')->{status}, 200,
   'by an administrator');
is(ask('GET', "/v1/webhooks/$Unknown")->{status}, 404, 'no such webhook');
is(ask('HEAD', "/v1/webhooks/$id")->{status}, 200, 'HEAD');

my $bobs = make('/ok', ['bob.*'], 'bob-key');

sub ids {
    my ($query, $key) = @_;
    my $res = ask('GET', "/v1/webhooks$query", undef, $key);
    return join ' ', map { $_->{webhook_id} } @{$res->{json}{webhooks}};
}

is(ids(''), "$second->{webhook_id} $id", 'listed, newest first');
is(ids('', 'bob-key'), $bobs, 'those of the same user');
is(ids('', 'test-key'), "$bobs $second->{webhook_id} $id",
   'an administrator sees all');

$res = ask('GET', '/v1/webhooks?limit=2', undef, 'test-key')->{json};
is(scalar @{$res->{webhooks}}, 2, 'a page');
ok($res->{pagination}{has_more}, 'has_more');
is(ids("?limit=2&cursor=$res->{pagination}{next_cursor}", 'test-key'), $id,
   'the next page');
is(ids('?offset=1'), $id, 'an offset');


# change

$res = ask('PATCH', "/v1/webhooks/$id", { event_types => [],
                                          description => undef });
is($res->{status}, 200, 'changed');
is($json->encode([ @{$res->{json}}{qw( event_types description url )} ]),
   qq{[[],null,"$Url/ok"]}, 'what was asked for');
cmp_ok($res->{json}{updated_at}, 'ge', $first->{updated_at}, 'updated_at');
is($res->{json}{secret}, undef, 'no secret');
is(ask('PATCH', "/v1/webhooks/$id", {}, 'bob-key')->{status}, 404,
   'not by another');
is(ask('PATCH', "/v1/webhooks/$Unknown", {})->{status}, 404,
   'no such webhook to change');
is($json->encode(get($id)->{event_types}), '[]', 'changed for good');


# rotate

$res = ask('POST', "/v1/webhooks/$id/rotate-secret");
push @secrets, $res->{json}{secret};
is($res->{status}, 200, 'rotated');
like($res->{json}{secret}, qr{^whsec_[A-Za-z0-9+/]{32}$}, 'a new secret');
isnt($res->{json}{secret}, $first->{secret}, 'another one');
is($res->{json}{webhook_id}, $id, 'of the same webhook');
is($t->sql('SELECT (old_secret_until - updated_at) / 1000 FROM webhooks '
           . 'WHERE webhook = 1'), 86400, 'the old one is good for a day');

$res = ask('POST', "/v1/webhooks/$id/rotate-secret", { grace_seconds => 0 });
push @secrets, $res->{json}{secret};
is($t->sql('SELECT old_secret_until - updated_at FROM webhooks '
           . 'WHERE webhook = 1'), 0, 'the old one ends at once');
is(ask('POST', "/v1/webhooks/$id/rotate-secret", undef, 'bob-key')->{status},
   404, 'not by another');


# what it gets, from its answer on

ask('PATCH', "/v1/webhooks/$id", { event_types => ['order.*'] });

my $event = event('order.created');
is(becomes($event, 'delivered')->{status}, 'delivered', 'delivered');
is(got($event), '/ok', 'to it');
is(becomes(event('other'), 'pending')->{status}, 'pending', 'another type');
is(becomes(event('bob.x'), 'pending')->{status}, 'pending',
   "another's webhook");

my $late = make('/ok', ['late']);
my $pushed = event('late');
is(becomes($pushed, 'delivered')->{status}, 'delivered',
   'in force with its answer');

ask('PATCH', "/v1/webhooks/$late", { is_active => JSON::PP::false });
is(becomes(event('late'), 'pending')->{status}, 'pending',
   'inactive with its answer');

ask('DELETE', "/v1/webhooks/$late");
is($t->sql('SELECT count(*) FROM delivery_queue'), 0, 'nothing waits');

is(ask('GET', "/v1/events/$pushed/status")->{json}{attempts}[0]{target},
   'webhook', 'an event still tells that it was pushed, though not where to');

$res = ask('GET', "/v1/webhooks/$id/deliveries");
is($res->{status}, 200, 'deliveries');
my $entry = $res->{json}{deliveries}[0];
is(join(' ', @$entry{qw( event_id outcome status_code )}),
   "$event delivered 204", 'what was delivered');
like($entry->{at}, $Time, 'when');
cmp_ok($entry->{duration_ms}, '>=', 0, 'how long it took');
is($entry->{error}, undef, 'without an error');
is(ask('GET', "/v1/webhooks/$id/deliveries", undef, 'bob-key')->{status}, 404,
   'not for another');

my $status = ask('GET', "/v1/events/$event/status")->{json};
is(join(' ', @{$status->{attempts}[0]}{qw( target outcome status_code )}),
   "$Url/ok delivered 204", 'the event tells it too');

ok(get($id)->{last_success_at}, 'last_success_at');


# test

$res = ask('POST', "/v1/webhooks/$id/test");
my $test = $res->{json}{event_id};
is($res->{status}, 202, 'a test');
like($test, $Uuid, 'its event');
is($res->{json}{webhook_id}, $id, 'of the webhook');
is(becomes($test, 'delivered')->{event_type}, 'webhook.test',
   'whatever types it takes');
is(got($test), '/ok', 'is sent');
is(ask('POST', "/v1/webhooks/$Unknown/test")->{status}, 404,
   'no such webhook to test');
is(ask('POST', "/v1/webhooks/$id/test", undef, 'bob-key')->{status}, 404,
   'not by another');
is(fault(ask('POST', "/v1/webhooks/$second->{webhook_id}/test")),
   '409 CONFLICT -', 'not while it is inactive');


# failure

my $fails = make('/fail', ['fail']);
$event = event('fail');
my $failed = becomes($event, 'failed');
is("$failed->{status} $failed->{retry_count}", 'failed 1', 'failed');
ok($failed->{error_message}, 'with an error');
is($json->encode(get($fails)->{breaker}),
   '{"failures":2,"open_until":null,"state":"closed"}', 'its failures');

$res = ask('GET', "/v1/webhooks/$fails/deliveries?limit=1")->{json};
is(scalar @{$res->{deliveries}}, 1, 'a page of deliveries');
$res = ask('GET', "/v1/webhooks/$fails/deliveries?cursor="
                  . $res->{pagination}{next_cursor})->{json};
is(join(' ', map { "$_->{outcome} $_->{status_code}" } @{$res->{deliveries}}),
   'failed 500', 'the next page');
ok(!$res->{pagination}{has_more}, 'and no more');

# repaired, and retried by hand

ask('PATCH', "/v1/webhooks/$fails", { url => "$Url/ok" });
is(ask('POST', "/v1/events/$event/retry")->{json}{new_attempt}, 2, 'retried');
is(becomes($event, 'delivered')->{status}, 'delivered', 'and delivered');

# gone

my $gone = make('/gone', ['gone']);
is(becomes(event('gone'), 'failed')->{status}, 'failed', '410: failed');
my $hook = get($gone);
ok(!$hook->{is_active} && $hook->{disabled_at}, 'disabled');
is(becomes(event('gone'), 'pending')->{status}, 'pending',
   'gets no more events');
$hook = ask('PATCH', "/v1/webhooks/$gone", { is_active => JSON::PP::true,
                                             url => "$Url/ok" })->{json};
ok($hook->{is_active} && !defined $hook->{disabled_at}, 'active again');
is(becomes(event('gone'), 'delivered')->{status}, 'delivered',
   'and gets them again');

# retried by hand before it is enabled: not for who leases

$gone = make('/gone', ['early']);
make('/ok', ['early']);
$event = event('early');
becomes($event, 'failed');
ask('POST', "/v1/events/$event/retry");

my $leased = ask('POST', '/v1/inbox/lease', { lease_limit => 100 })->{json};
is(scalar(grep { $_->{event_id} eq $event } @{$leased->{events}}), 0,
   'retried while it is disabled: not to be leased');
is(becomes($event, 'retrying')->{status}, 'retrying', 'it waits');

ask('PATCH', "/v1/webhooks/$gone", { is_active => JSON::PP::true,
                                     url => "$Url/fixed" });
becomes($event, 'delivered');
ok(wait_for(sub { got($event) eq '/fixed /gone /ok' }),
   'and goes to it when it is active again');

# deleted while something waits for it

my $stopped = make('/ok', ['stopped']);
ask('PATCH', "/v1/webhooks/$stopped", { url => 'http://127.0.0.1:9/' });
my $waits = event('stopped');
is(becomes($waits, 'retrying')->{status}, 'retrying', 'not there');
is(ask('DELETE', "/v1/webhooks/$stopped", undef, 'bob-key')->{json}{deleted},
   JSON::PP::false, 'not deleted by another');
$res = ask('DELETE', "/v1/webhooks/$stopped");
is("$res->{status} $res->{json}{status} $res->{json}{deleted}",
   '200 deleted 1', 'deleted');
is(ask('DELETE', "/v1/webhooks/$stopped")->{json}{deleted}, JSON::PP::false,
   'once');
is(ask('GET', "/v1/webhooks/$stopped")->{status}, 404, 'it is no more');


# a hundred

my $made = 0;
$made++ while $made < 101
              && ask('POST', '/v1/webhooks',
                     { url => "$Url/ok", event_types => ['never'] },
                     'bob-key')->{status} eq '201';
is($made, 99, 'a hundred of one user');
is(fault(ask('POST', '/v1/webhooks', { url => "$Url/ok" }, 'bob-key')),
   '409 CONFLICT -', 'no more');
is(ask('POST', '/v1/webhooks',
       { url => "$Url/ok", event_types => ['never'] })->{status}, 201,
   'of another');


# they outlive a restart

my $hundred = ids('?limit=200', 'test-key');
$t->reload();
is(ids('?limit=200', 'test-key'), $hundred, 'a reload');
is(becomes(event('order.reload'), 'delivered')->{status}, 'delivered',
   'which delivers');
$t->quit();
$t->ready();
is(ids('?limit=200', 'test-key'), $hundred, 'a restart');
is(becomes(event('order.restart'), 'delivered')->{status}, 'delivered',
   'which delivers, too');

is(scalar(grep { index($t->read('error.log'), $_) >= 0 } @secrets), 0,
   'no secret in the log');
