# Deliveries that fail: when they are tried again and when not, what is
# honoured, what an event ends as, and how an endpoint that does not work is
# left alone.

use strict;
use warnings;

use JSON::PP;
use List::Util qw( max min );
use Test::More;
use Time::HiRes qw( time );
use Triggers::Nginx;
use Triggers::Receiver;

my $t = Triggers::Nginx->new()->plan(45);
my $r = Triggers::Receiver->new(dir => $t->{dir});
my $Nobody = 'http://127.0.0.1:' . Triggers::Port::free() . '/';

my %Paths = (
    flaky => '/flaky/2', refuse => '/status/500', redirect => '/status/302',
    gone => '/status/410', hang => '/hang', reset => '/reset',
    garbage => '/garbage', wait => '/status/503/1', file => '/file/other',
    dead => '/file/answer', broken => '/file/broken',
    picky => '/file/picky',
);

my $Endpoints = join "\n    ",
    "triggers_deliver  $Nobody  nobody;",
    'triggers_deliver  http://name.invalid/  noname;',
    map { "triggers_deliver  @{[ $r->url($Paths{$_}) ]}  $_;" }
    sort keys %Paths;

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    $Endpoints

    triggers_delivery_schedule  200ms 400ms;
    triggers_delivery_timeout   @{[ 2 * $Triggers::Nginx::Scale ]}s;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->ready();

$t->write('answer', '500');

# they wait for time, and can do so together

my %ids = map { $_ => post($_) } sort(keys %Paths), qw( nobody noname );

flaky();
refused();
errors();
gone();
retry_after();
again();
picky();
breaker();


sub post {
    my ($type) = @_;
    my $res = $t->post('/events', qq({"event_type":"$type","payload":{}}));
    return $res->{json}{event_id} // die "POST: $res->{status}\n";
}


sub event {
    my ($id, $status) = @_;
    my $event;

    wait_for(sub {
        $event = $t->get("/v1/events/$id")->{json};
        $event->{status} eq $status;
    });

    return $event;
}


sub flaky {
    my @requests = $r->wait(3, path => '/flaky/2');
    my $event = event($ids{flaky}, 'delivered');
    my @gaps = map { $requests[$_ + 1]{at} - $requests[$_]{at} } 0, 1;

    is($event->{status}, 'delivered', 'flaky: delivered at last');
    is($event->{retry_count}, 2, 'flaky: retries');
    is($event->{error_message}, undef, 'flaky: no error');
    is(scalar @requests, 3, 'flaky: attempts');
    is(scalar(grep { $_->{id} eq $ids{flaky} } @requests), 3,
       'flaky: the same id');

    cmp_ok($gaps[0], '>=', 180, 'flaky: first pause');
    cmp_ok($gaps[1], '>=', 360, 'flaky: second pause');
    cmp_ok(max(@gaps), '<', 15000 * $Triggers::Nginx::Scale,
           'flaky: not much later');
}


sub refused {
    for my $type (qw( refuse redirect )) {
        my $event = event($ids{$type}, 'failed');
        my $status = $type eq 'refuse' ? 500 : 302;

        is($event->{status}, 'failed', "$type: failed");
        is($event->{retry_count}, 2, "$type: retries");
        is($event->{error_message}, "status $status", "$type: error");
        is(scalar $r->requests(id => $ids{$type}), 3, "$type: attempts");
    }
}


sub errors {
    my %errors = (
        hang => 'timed out',
        reset => 'connection reset',
        garbage => 'answer is not HTTP',
        nobody => 'connection refused or unreachable',
        noname => 'host name could not be resolved',
    );

    for my $type (sort keys %errors) {
        my $event = event($ids{$type}, 'failed');

        is($event->{status}, 'failed', "$type: failed");
        is($event->{error_message}, $errors{$type}, "$type: error");
    }
}


sub gone {
    my $event = event($ids{gone}, 'failed');

    is($event->{status}, 'failed', 'gone: failed');
    is($event->{error_message}, 'status 410', 'gone: error');
    is(scalar $r->requests(id => $ids{gone}), 1, 'gone: not tried again');

    my $id = post('gone');

    # it has no endpoint any more

    is(event($id, 'pending')->{status}, 'pending', 'gone: nobody wants it');
    is(scalar $r->requests(id => $id), 0, 'gone: nothing is sent any more');
}


sub retry_after {
    my @requests = $r->wait(3, id => $ids{wait});
    my @gaps = map { $requests[$_ + 1]{at} - $requests[$_]{at} } 0, 1;

    is(scalar @requests, 3, 'Retry-After: attempts');
    cmp_ok(min(@gaps), '>=', 1000, 'Retry-After: honoured');
}


# a dead letter that is retried by hand has all its attempts again

sub again {
    my $id = $ids{dead};

    is(event($id, 'failed')->{status}, 'failed', 'by hand: a dead letter');

    $t->write('answer', '200');

    my $res = $t->post("/inbox/$id/retry", '');

    is($res->{status}, '200', 'by hand: accepted');
    is(event($id, 'delivered')->{status}, 'delivered', 'by hand: delivered');
    is(scalar $r->requests(id => $id), 4, 'by hand: attempts');
}


# An endpoint that refused the events of one sender was left alone, and kept
# those of all others waiting for half a minute and more.

sub picky {
    $t->write('picky', '422');

    my @ids = map { post('picky') } 1 .. 8;

    is(scalar(grep { event($_, 'failed')->{status} eq 'failed' } @ids), 8,
       'picky: what it refuses has all its attempts');

    $t->write('picky', '200');
    is(event(post('picky'), 'delivered')->{status}, 'delivered',
       'picky: what it takes is delivered');
}


# what a number comes to that does not change for half a second

sub steady {
    my ($number) = @_;
    my ($last, $since) = (-1, time);

    wait_for(sub {
        my $n = $number->();
        ($last, $since) = ($n, time) if $n != $last;
        time - $since > 0.5;
    });

    return $last;
}


# after five failures the endpoint is left alone, and messages to others are
# not held up

sub breaker {
    $t->write('broken', '500');

    my @ids = map { post('broken') } 1 .. 10;

    $r->wait(5, path => '/file/broken');

    my $other = post('file');
    is(event($other, 'delivered')->{status}, 'delivered',
       'breaker: others go on');

    my $log = wait_for(sub {
        $t->read('error.log') =~ /webhook [\da-f]{8}-[\da-f-]{27} does not work/
    });

    ok($log, 'breaker: logged');

    # four were on their way when it opened, at most; they arrive

    my $n = steady(sub { scalar $r->requests(path => '/file/broken') });
    cmp_ok($n, '<=', 9, 'breaker: opened');

    $t->write('broken', '200');
    post('file') for 1 .. 3;
    $r->wait(5, path => '/file/other');

    is(scalar $r->requests(path => '/file/broken'), $n,
       'breaker: nothing is sent while it is open');
    is(scalar(grep { $t->get("/v1/events/$_")->{json}{status} eq 'failed' }
              @ids), 0, 'breaker: nobody has lost an attempt by it');

    ok(wait_for(sub {
        my $metrics = $t->get('/metrics', Accept => 'text/plain')->{body};

        return $metrics =~ /^triggers_endpoints\{breaker="open"\} [1-9]/m
            && $metrics =~ /^triggers_delivery_attempts_total
                             \{outcome="failed"\}\ [1-9]/mx
            && $metrics =~ /^triggers_delivery_attempts_total
                             \{outcome="delivered"\}\ [1-9]/mx
            && $metrics =~ /^triggers_delivery_seconds_count\ [1-9]/m;
    }), 'breaker: the metrics tell');
}
