# Deliveries go on over a reload, a killed worker and a killed tree, each event
# at least once, and an endpoint that hangs delays nothing.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( time );
use Triggers::Nginx;
use Triggers::Receiver;

my $t = Triggers::Nginx->new()->plan(19);
my $r = Triggers::Receiver->new(dir => $t->{dir});

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_deliver  @{[ $r->url('/ok') ]}  work;
    triggers_deliver  @{[ $r->url('/hang') ]}  hang;
    triggers_deliver  @{[ $r->url('/file/late') ]}  late;

    triggers_delivery_schedule  500ms 1s 1s 1s 1s;
    triggers_delivery_timeout   60s;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->ready();

hanging();
under_way('a reload', sub { $t->reload() });
under_way('a killed leader',
          sub { $t->kill9(wait_for(sub { $t->drainer() })) });
under_way('a killed tree', sub { $t->kill9(); $t->start(); $t->ready() });
waiting();
cancelled();
stopped();


sub post {
    my ($type, $n) = @_;
    my $batch = encode_json({ events => [
        map +{ event_type => $type, payload => { n => $_ } }, 1 .. $n // 1
    ] });
    my $res = $t->post('/v1/events/batch', $batch);

    return map { $_->{event_id} } @{ $res->{json}{results} };
}


sub total {
    my ($query) = @_;
    return $t->get("/inbox?limit=1&$query")->{json}{total};
}


# it takes a minute until this one gives up

sub hanging {
    my ($id) = post('hang');

    $r->wait(1, id => $id);

    my $start = time;
    ok($t->reload(), 'hanging: reload');
    cmp_ok(time - $start, '<', 40,
           'hanging: it is not waited for');

    is(scalar $r->wait(2, id => $id), 2,
       'hanging: the new worker sends it again');
}


sub under_way {
    my ($what, $do) = @_;
    my $before = twice();
    my @ids = map { post('work', 250) } 1 .. 4;

    $do->();

    ok(wait_for(sub { total('event_type=work&status=pending,retrying') == 0 }),
       "$what: all are delivered");

    my %seen = map { $_->{id} => 1 } $r->requests(path => '/ok');

    is(scalar(grep { !$seen{$_} } @ids), 0, "$what: each has come");

    # those whose outcome was not yet committed come again, and no others

    my $twice = twice() - $before;

    cmp_ok($twice, "<=", 300, "$what: few have come twice ($twice)");
}


# how many requests too many have come, of all rounds so far

sub twice {
    my @requests = $r->requests(path => '/ok');
    my %seen = map { $_->{id} => 1 } @requests;

    return @requests - keys %seen;
}


# what a failed attempt waits for is in the store

sub waiting {
    $t->write('late', '500');

    my ($id) = post('late');

    $r->wait(1, id => $id);
    $t->reload();
    $t->write('late', '200');

    ok(wait_for(sub {
        $t->get("/v1/events/$id")->{json}{status} eq 'delivered';
    }), 'waiting: tried again by the new worker');
}


# an endpoint that is not configured any more: its events can be leased

sub cancelled {
    my ($id) = post('hang');

    $t->write_config($t->{config} =~ s/triggers_deliver .* hang;//r);
    $t->reload();

    ok(wait_for(sub {
        $t->sql('SELECT count(*) FROM delivery_queue') == 0;
    }), 'cancelled: nothing waits');

    is($t->get("/v1/events/$id")->{json}{status}, 'pending',
       'cancelled: the event is an ordinary one');
}


sub stopped {
    my $start = time;

    post('work', 500);
    ok($t->quit(), 'quit');
    cmp_ok(time - $start, '<', 40, 'quit: at once');

    $t->start();
    $t->ready();

    ok(wait_for(sub { total('event_type=work&status=pending,retrying') == 0 }),
       'quit: the rest is delivered by the next one');

    post('work', 500);
    $start = time;
    ok($t->term(), 'term');
}
