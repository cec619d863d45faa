# While outcomes cannot be committed, as the database is locked or the ring is
# full, nothing is sent twice and nothing is lost.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;
use Triggers::Receiver;

my $t = Triggers::Nginx->new()->plan(9);
my $r = Triggers::Receiver->new(dir => $t->{dir});

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=256k;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_deliver  @{[ $r->url('/gate/open') ]}  work;
    triggers_delivery_timeout  60s;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
            triggers_event_max_size  4k;
            triggers_commit_timeout  1s;
        }
    }
}
END

$t->ready();

locked();
full();


sub post {
    my ($n, $type) = @_;
    my @ids;

    while (@ids < $n) {
        my $res = $t->post('/events',
                           qq({"event_type":"$type","payload":{}}));
        push @ids, $res->{json}{event_id} if $res->{status} eq '200';
    }

    return @ids;
}


sub once {
    my ($what, @ids) = @_;

    ok(wait_for(sub {
        $t->get('/inbox?limit=1&event_type=work&status=pending,retrying')
          ->{json}{total} == 0;
    }), "$what: all are delivered");

    my %seen;
    $seen{$_->{id}}++ for $r->requests();

    is(scalar(grep { !$seen{$_} } @ids), 0, "$what: each has come");
    is(scalar(grep { ($seen{$_} // 0) > 1 } @ids), 0, "$what: none twice");
}


# answers come in while the writer is locked out

sub locked {
    my @ids = post(40, 'work');

    $r->wait(4);
    $t->lock_database();
    $t->write('open', '');

    wait_for(sub { $r->requests() >= 40 });

    # a pass of the deliverer later they would have come again

    sleep 1.5;

    is(scalar $r->requests(), 40, 'locked: all are sent, once');

    $t->unlock_database();
    once('locked', @ids);
}


# the ring has no room for outcomes until others have been committed

sub full {
    unlink "$t->{dir}/open";

    my @ids = post(40, 'work');

    $t->lock_database();

    # until they are refused: these are never seen by an endpoint

    my $refused = 0;

    for (1 .. 10) {
        $t->child(sub {
            for (1 .. 1000) {
                my $res = $t->post('/events', '{"event_type":"other",'
                                   . '"payload":{"x":"' . 'x' x 3500 . '"}}');
                last if $res->{status} eq '503'
                        && $res->{body} =~ /queue is full/;
            }
        });
    }

    ok(wait_for(sub {
        $t->post('/events', '{"payload":{}}')->{body} =~ /queue is full/;
    }), 'full: no room in the ring');

    $t->write('open', '');
    wait_for(sub { $r->requests() >= 80 });

    is(scalar $r->requests(), 80, 'full: all are sent, once');

    $t->unlock_database();
    once('full', @ids);
}
