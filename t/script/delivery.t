# Delivery to endpoints of the configuration: what is sent, to whom, signed in
# a way that the libraries of others accept, and what becomes of the event.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( time );
use Triggers::Nginx;
use Triggers::Receiver;

my $Secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $Other = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
my $Parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

my $t = Triggers::Nginx->new()->plan(48);
my $r = Triggers::Receiver->new(dir => $t->{dir},
                                secrets => [ $Secret, $Other ]);

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;
    triggers_key    "bob-key"   user=bob;

    triggers_deliver  @{[ $r->url('/orders?a=b') ]}  order.* exact
                      secret=$Secret;
    triggers_deliver  @{[ $r->url('/orders2') ]}  order.created  secret=$Other;
    triggers_deliver  @{[ $r->url('/cloud') ]}  cloud.*  format=cloudevents
                      secret=$Secret;
    triggers_deliver  @{[ $r->url('/plain') ]}  plain;
    triggers_deliver  @{[ $r->url('/huge') ]}  large;
    triggers_deliver  @{[ $r->url('/slow') ]}  large;

    triggers_delivery_timeout  @{[ 3 * $Triggers::Nginx::Scale ]}s;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->ready();

standard();
types();
owners();
cloudevents();
unsigned();
answers();
many();
leases();

is($t->get('/v1/health')->{json}{checks}{delivery}, 'ok', 'health');


sub post {
    my ($body, %args) = @_;
    my $res = $t->post('/events', $body, %args);
    return $res->{json}{event_id} // die "POST: $res->{status}\n";
}


sub event {
    my ($id, $status) = @_;

    wait_for(sub { $t->get("/v1/events/$id")->{json}{status} eq $status });

    return $t->get("/v1/events/$id")->{json};
}


sub standard {
    my $before = int time;
    my $id = post('{"event_type":"order.created","source":"shop",'
                  . '"metadata":{"a": 1.50},"payload":{"b": 2.50}}',
                  traceparent => $Parent,
                  tracestate => 'rojo=00f067, congo=t61');

    my ($m) = $r->wait(1, id => $id, path => '/orders?a=b');
    my $h = $m->{headers};
    my $body = decode_json($m->{body});

    is($m->{method}, 'POST', 'method');
    is($h->{'content-type'}, 'application/json', 'content type');
    is($h->{'webhook-id'}, $id, 'id is that of the event');
    cmp_ok(abs($h->{'webhook-timestamp'} - $before), '<=', 30, 'timestamp');
    is($h->{traceparent}, $Parent, 'traceparent');
    is($h->{tracestate}, 'rojo=00f067,congo=t61', 'tracestate');
    like($h->{'user-agent'}, qr/^ngx_http_triggers_module\/\d/, 'user agent');
    is("@{$m->{standard}}", '0', 'signature: standardwebhooks');
    is("@{$m->{svix}}", '0', 'signature: svix');

    is($body->{id}, $id, 'body: id');
    is($body->{type}, 'order.created', 'body: type');
    is($body->{source}, 'shop', 'body: source');
    like($m->{body}, qr/"metadata":\{"a": 1\.50\},"data":\{"b": 2\.50\}\}$/,
         'body: metadata and data byte for byte');

    my ($other) = $r->wait(1, id => $id, path => '/orders2');
    is("@{$other->{standard}} @{$other->{svix}}", '1 1',
       'each endpoint has its secret');

    my $event = event($id, 'delivered');

    is($event->{status}, 'delivered', 'event: delivered');
    ok($event->{delivered_at}, 'event: when');
    is($event->{timestamp}, $body->{timestamp}, 'event: its time was told');
    is($event->{retry_count}, 0, 'event: no retries');

    my @attempts = attempts($id, 2);

    is_deeply([ sort map { $_->{target} } @attempts ],
              [ sort $r->url('/orders?a=b'), $r->url('/orders2') ],
              'event: an attempt for each endpoint');
    is_deeply([ map { "$_->{outcome} $_->{status_code}" } @attempts ],
              [ ('delivered 200') x 2 ], 'event: their outcomes');
}


sub attempts {
    my ($id, $n) = @_;
    my $get = sub { $t->get("/v1/events/$id/status")->{json}{attempts} };

    wait_for(sub { @{ $get->() } >= $n });

    return @{ $get->() };
}


sub types {
    my $exact = post('{"event_type":"exact","payload":{}}');
    my $other = post('{"event_type":"other","payload":{}}');
    my $prefix = post('{"event_type":"order.","payload":{}}');
    my $near = post('{"event_type":"order","payload":{}}');
    my $none = post('{"payload":{}}');

    is(event($exact, 'delivered')->{status}, 'delivered', 'type: a name');
    is(event($prefix, 'delivered')->{status}, 'delivered', 'type: a prefix');

    for my $id ($other, $near, $none) {
        is($t->get("/v1/events/$id")->{json}{status}, 'pending',
           'type: nobody wants it');
    }

    is(scalar $r->requests(id => $exact), 1, 'type: by one endpoint');
}


sub owners {
    my $id = post('{"event_type":"order.x","payload":{}}', key => 'bob-key');

    is(scalar $r->wait(1, id => $id), 1, 'owner: of all');
}


sub cloudevents {
    my $id = post('{"event_type":"cloud.a","source":"my shop",'
                  . '"metadata":{"tenant":"a b"},"payload":{"b": 2.50}}');
    my ($m) = $r->wait(1, id => $id);
    my $h = $m->{headers};

    is($m->{body}, '{"b": 2.50}', 'cloudevents: data is the payload');
    is($h->{'content-type'}, 'application/json', 'cloudevents: its type');
    is("$h->{'ce-specversion'} $h->{'ce-id'} $h->{'ce-type'}",
       "1.0 $id cloud.a", 'cloudevents: attributes');
    is($h->{'ce-source'}, 'my%2520shop', 'cloudevents: source is a URI');
    is($h->{'ce-tenant'}, 'a%20b', 'cloudevents: an extension');
    is("@{$m->{standard}} @{$m->{svix}}", '0 0', 'cloudevents: signature');

    my $res = $t->post('/events', '{"x":1}', 'ce-specversion' => '1.0',
                       'ce-id' => 'my-1', 'ce-source' => '/s',
                       'ce-type' => 'cloud.b', 'ce-subject' => 'caf%C3%A9',
                       'ce-tracestate' => 'a=1', tracestate => 'b=2',
                       traceparent => $Parent,
                       'Content-Type' => 'application/json');

    ($m) = $r->wait(1, id => $res->{json}{event_id});
    $h = $m->{headers};

    is("$h->{'ce-id'} $h->{'ce-source'} $h->{'ce-subject'} $m->{body}",
       'my-1 /s caf%C3%A9 {"x":1}', 'cloudevents: it leaves as it came');
    is("$h->{traceparent} $h->{tracestate} $h->{'ce-tracestate'}",
       "$Parent b=2 a=1", 'cloudevents: its request\'s trace, and its own');
}


sub unsigned {
    my $id = post('{"event_type":"plain","payload":{}}');
    my ($m) = $r->wait(1, id => $id);

    is($m->{headers}{'webhook-id'}, $id, 'unsigned: has an id');
    is($m->{headers}{'webhook-signature'}, undef, 'unsigned: no signature');
    is($m->{headers}{traceparent}, undef, 'unsigned: no traceparent');
    is($m->{headers}{tracestate}, undef, 'unsigned: no tracestate');
}


# of two endpoints, neither of which ever ends its answer

sub answers {
    my $start = time;
    my $id = post('{"event_type":"large","payload":{}}');

    is(event($id, 'delivered')->{status}, 'delivered',
       'answer: the status is what counts');
    cmp_ok(time - $start, '<', 40,
           'answer: it is not waited for');
}


# each of many events once, over few connections

sub many {
    my $batch = encode_json({ events => [
        map +{ event_type => 'exact', payload => { n => $_ } }, 1 .. 500
    ] });
    my $res = $t->post('/v1/events/batch', $batch);
    my %ids = map { $_->{event_id} => 1 } @{ $res->{json}{results} };

    my $come = sub {
        grep { $_->{id} && $ids{$_->{id}} } $r->requests()
    };

    wait_for(sub { $come->() >= 500 });

    my @all = $come->();
    my %once = map { $_->{id} => 1 } @all;
    my %connections = map { $_->{connection} => 1 } @all;

    is(scalar keys %once, 500, 'many: all have come');
    is(scalar @all, 500, 'many: none twice');
    cmp_ok(scalar keys %connections, '<=', 64, 'many: connections are kept');

    ok(wait_for(sub {
        $t->get('/v1/inbox?event_type=exact&limit=1')->{json}{total} == 0;
    }), 'many: all are delivered');
}


# what is to be pushed is not handed out

sub leases {
    my $id = post('{"event_type":"other","payload":{}}');
    my $res = $t->post('/v1/inbox/lease', '{"lease_limit":100}');
    my %leased = map { $_->{event_id} => $_->{event_type} }
                 @{ $res->{json}{events} };

    is($leased{$id}, 'other', 'lease: what nobody wants');
    is_deeply([ grep { /^(?:exact|order\.|large|plain)/ }
                grep { defined } values %leased ],
              [], 'lease: nothing that is pushed');
}
