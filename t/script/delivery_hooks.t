# What becomes of deliveries when their webhook is changed: paused, given
# another URL, its secret rotated, deleted.

use strict;
use warnings;

use Digest::SHA qw( hmac_sha256_base64 );
use JSON::PP;
use MIME::Base64 qw( decode_base64 );
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

my $Secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

my $t = Triggers::Nginx->new()->plan(24);
my $r = Triggers::Receiver->new(dir => $t->{dir}, secrets => [ $Secret ]);

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_delivery_schedule  100ms 200ms 1s 2s 4s 10m;
    triggers_webhook_allow      127.0.0.1;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->ready();

my $id = ask('POST', '', { url => $r->url('/a'), secret => $Secret })
             ->{webhook_id};

# it is in force with its answer

my $first = post();
is(event($first, 'delivered')->{status}, 'delivered', 'made: delivered');

rotated();
paused();
moved();
deleted();
several();
forgiven();
let_go();


sub ask {
    my ($method, $path, $body) = @_;
    my $res = $t->request($method, "/v1/webhooks$path",
                          defined $body ? (body => encode_json($body)) : ());

    return $res->{json};
}


sub post {
    my $res = $t->post('/events', '{"event_type":"a","payload":{}}');
    return $res->{json}{event_id} // die "POST: $res->{status}\n";
}


sub event {
    my ($event_id, $status) = @_;
    my $event;

    wait_for(sub {
        $event = $t->get("/v1/events/$event_id")->{json};
        $event->{status} eq $status;
    });

    return $event;
}


# for a day the old secret signs too

sub rotated {
    my $new = ask('POST', "/$id/rotate-secret")->{secret};

    isnt($new, $Secret, 'rotated: another secret');

    my ($m) = $r->wait(1, id => post());
    my @signatures = split ' ', $m->{headers}{'webhook-signature'};
    my $key = decode_base64($new =~ s/^whsec_//r);
    my $own = hmac_sha256_base64(join('.', $m->{id},
                                      $m->{headers}{'webhook-timestamp'},
                                      $m->{body}), $key);

    is(scalar @signatures, 2, 'rotated: two signatures');
    is($signatures[0], "v1,$own=", 'rotated: the new one');
    is("@{$m->{standard}} @{$m->{svix}}", '0 0', 'rotated: the old one');

    ask('POST', "/$id/rotate-secret", { grace_seconds => 0 });
    ($m) = $r->wait(1, id => post());

    is(scalar(split ' ', $m->{headers}{'webhook-signature'}), 1,
       'rotated: without grace one signature');
    is("@{$m->{standard}}", '', 'rotated: and not the old one');
}


# what waits keeps waiting; what comes meanwhile is not for it

sub paused {
    $t->write('answer', '500');
    ask('PATCH', "/$id", { url => $r->url('/file/answer') });

    my $event_id = post();

    $r->wait(1, id => $event_id);
    ask('PATCH', "/$id", { is_active => JSON::PP::false });

    # one attempt may have been under way

    my $n = $r->requests(id => $event_id);
    my $other = post();

    $t->write('answer', '200');
    is($t->get("/v1/events/$other")->{json}{status}, 'pending',
       'paused: others are ordinary events');
    cmp_ok($r->requests(id => $event_id), '<=', $n + 1,
           'paused: nothing is sent');
    is($t->get("/v1/events/$event_id")->{json}{status}, 'retrying',
       'paused: it waits');

    ask('PATCH', "/$id", { is_active => JSON::PP::true });
    is(event($event_id, 'delivered')->{status}, 'delivered',
       'active again: delivered');
    is($t->get("/v1/events/$other")->{json}{status}, 'pending',
       'active again: nothing that came meanwhile');
}


# of an event that waits for its next attempt

sub moved {
    $t->write('answer', '500');

    my $event_id = post();

    $r->wait(1, id => $event_id);
    ask('PATCH', "/$id", { url => $r->url('/b') });

    is(event($event_id, 'delivered')->{status}, 'delivered',
       'moved: delivered');
    is(scalar $r->requests(id => $event_id, path => '/b'), 1,
       'moved: to the new URL');
}


# an event whose last endpoint goes is an ordinary one, also if a message is
# on its way

sub deleted {
    ask('PATCH', "/$id", { url => $r->url('/gate/never') });

    my $event_id = post();

    $r->wait(1, id => $event_id);
    ask('DELETE', "/$id");

    ok(wait_for(sub {
        $t->sql('SELECT count(*) FROM delivery_queue') == 0;
    }), 'deleted: nothing waits');

    my $res = $t->post('/v1/inbox/lease', '{"lease_limit":100}');

    ok(scalar(grep { $_->{event_id} eq $event_id }
              @{ $res->{json}{events} }), 'deleted: it can be leased');
}


# two webhooks, one of which refuses: the event fails, and says so

sub several {
    my $good = ask('POST', '', { url => $r->url('/good') });
    my $bad = ask('POST', '', { url => $r->url('/status/400'),
                                event_types => [ 'a' ] });
    my $event_id = post();

    is(scalar $r->wait(1, id => $event_id, path => '/good'), 1,
       'several: one takes it');

    $r->wait(3, id => $event_id, path => '/status/400');
    is(event($event_id, 'retrying')->{status}, 'retrying',
       'several: the other one is tried again');

    ask('DELETE', "/$bad->{webhook_id}");
    is(event($event_id, 'delivered')->{status}, 'delivered',
       'several: without the other one it is delivered');
}


# an endpoint that is said to work is tried at once, though it was not disabled

sub forgiven {
    $t->write('works', '500');

    my $hook = ask('POST', '', { url => $r->url('/file/works'),
                                 event_types => [ 'works' ] })->{webhook_id};
    my $until;

    $t->post('/events', '{"event_type":"works","payload":{}}') for 1 .. 5;

    ok(wait_for(sub {
        $until = $t->sql('SELECT open_until FROM webhooks '
                         . 'ORDER BY webhook DESC LIMIT 1');
    }), 'forgiven: left alone');

    $t->write('works', '200');
    ask('PATCH', "/$hook", { is_active => JSON::PP::true });

    wait_for(sub {
        ask('GET', "/$hook")->{last_success_at};
    });

    my @requests = $r->requests(path => '/file/works');
    cmp_ok($requests[-1]{at}, '<', $until,
           'forgiven: and tried before its time');
}


# nor does it wait for as long as it has asked for

sub let_go {
    my $hook = ask('POST', '', { url => $r->url('/status/503/86400'),
                                 event_types => [ 'late' ] })->{webhook_id};

    for my $change ({ description => 'none' }, { is_active => JSON::PP::true },
                    { url => $r->url('/status/503/86400') })
    {
        my ($member) = keys %$change;

        ask('PATCH', "/$hook", $change);

        my $event_id = $t->post('/events',
                                '{"event_type":"late","payload":{}}')
                         ->{json}{event_id};

        # its pause is known by then

        is(event($event_id, 'retrying')->{status}, 'retrying',
           "let go: tried after a change of $member");
    }
}
