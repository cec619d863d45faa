# What the metrics tell of each endpoint: by its id and never by its URL, for
# as many as the zone has room for, and on over a change of leaders.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

my $Meters = 16;    # of the smallest zones

my $t = Triggers::Nginx->new()->plan(27);
my $r = Triggers::Receiver->new(dir => $t->{dir});

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=160k;
    triggers_key    "test-key"  user=alice  scopes=admin;
    triggers_event_max_size  12k;
    triggers_batch_max_size  12k;

    triggers_deliver  @{[ $r->url('/ok?secret=1') ]}  ok;
    triggers_deliver  @{[ $r->url('/status/500') ]}  broken;

    triggers_delivery_schedule  50ms 50ms;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
            triggers_webhook_allow  127.0.0.0/8;
        }

        location = /status {
            triggers_status;
        }
    }
}
END

$t->ready();

my %Ids = map { $_->{event_types}[0] => $_->{webhook_id} } webhooks();
my $Gate;

counts();
others();
gone();
leader();


sub post {
    my ($type) = @_;
    my $res = $t->post('/events', qq({"event_type":"$type","payload":{}}));
    return $res->{json}{event_id} // die "POST: $res->{status}\n";
}


sub webhooks { @{ $t->get('/v1/webhooks?limit=100')->{json}{webhooks} } }


sub make {
    my ($path, $type) = @_;
    my $body = encode_json({ url => $r->url($path), event_types => [ $type ] });
    my $res = $t->post('/v1/webhooks', $body);

    return $res->{json}{webhook_id} // die "POST: $res->{status}\n";
}


sub metrics {
    my $res = $t->get('/status', key => undef);

    return map { s/store="main",?//; s/\{\}//; /^triggers_(\S+) (\S+)$/ }
           grep { !/^#/ } split /\n/, $res->{body};
}


sub endpoint {
    my ($name, $id, $label) = @_;
    return qq(endpoint_$name\{endpoint="$id")
           . ($label ? qq(,$label}) : '}');
}


# the value of a sample when it is that, or what it is after a while

sub becomes {
    my ($name, $n) = @_;
    my $value;

    wait_for(sub { ($value = { metrics() }->{$name} // 'none') eq $n }, 20);

    return $value;
}


sub delivered { endpoint('attempts_total', $_[0], 'outcome="delivered"') }


sub named {
    my %m = metrics();
    return map { /^endpoint_messages_in_flight\{endpoint="([^"]+)"/ } keys %m;
}


sub counts {
    my ($ok, $broken) = @Ids{qw( ok broken )};

    post('ok') for 1 .. 7;
    post('broken') for 1 .. 3;

    is(becomes(delivered($ok), 7), 7, 'delivered');
    is(becomes(endpoint('breaker_state', $broken, 'state="open"'), 1), 1,
       'broken: its breaker is open');

    my %m = metrics();

    is($m{endpoint('attempts_total', $ok, 'outcome="failed"')}, 0,
       'none has failed');
    cmp_ok($m{endpoint('attempts_total', $broken, 'outcome="failed"')}, '>=',
           5, 'broken: failed');
    is($m{endpoint('attempt_seconds_count', $ok)}, 7, 'times');
    is($m{endpoint('attempt_seconds_bucket', $ok, 'le="+Inf"')}, 7,
       'all of them');
    like($m{endpoint('attempt_seconds_sum', $ok)}, qr/^\d+\.\d+$/, 'their sum');
    is($m{endpoint('breaker_state', $ok, 'state="closed"')}, 1,
       'its breaker is closed');
    is($m{endpoint('breaker_state', $broken, 'state="closed"')}, 0,
       'broken: it is in one state');
    is($m{delivered('other')}, 0, 'no others');
    is($m{delivering}, 1, 'the deliverer is at work');

    my $text = $t->get('/status', key => undef)->{body};

    unlike($text, qr/secret=|127\.0\.0\.1|http:/, 'no URL');

    # one that does not answer yet

    $Gate = make('/gate/open', 'gate');
    post('gate') for 1 .. 3;
    is(becomes(endpoint('messages_in_flight', $Gate), 3), 3, 'in flight');

    $t->write('open', '');
    is(becomes(endpoint('messages_in_flight', $Gate), 0), 0, 'and back');
    is(becomes(delivered($Gate), 3), 3, 'delivered when it answers');
}


# more than the zone has meters for

sub others {
    my @all = map { make("/ok/$_", "many") } 1 .. $Meters;
    my $others = $Meters + keys(%Ids) + 1 - $Meters;

    post('many');

    is(becomes(delivered('other'), $others), $others,
       'those without a meter are counted together');
    is(scalar(named()), $Meters + 1, 'there are no more series');

    my %m = metrics();

    is(scalar(grep { /^endpoint_attempts_total.*delivered/ && $m{$_} } keys %m),
       $Meters + 1 - 1, 'each of the others by itself');
}


# its meter is another's then, from zero

sub gone {
    my %before = map { $_ => 1 } named();

    $t->request('DELETE', "/v1/webhooks/$Gate");

    ok(wait_for(sub {
        my @now = named();
        @now == $Meters + 1 && !grep { $_ eq $Gate } @now;
    }, 20), 'the series of one that is gone end');

    my ($next) = grep { !$before{$_} } named();

    is({ metrics() }->{delivered($next)}, 0, 'the next one begins at zero');

    post('many');
    is(becomes(delivered($next), 1), 1, 'and counts');
}


sub leader {
    my %before = metrics();
    my @named = sort(named());

    $t->kill_drainer();
    post('ok');

    is(becomes(delivered($Ids{ok}), 8), 8, 'a new leader counts on');
    is("@{[ sort(named()) ]}", "@named", 'for the same endpoints');
    is(lower(\%before, { metrics() }), '', 'nothing went back');
    cmp_ok({ metrics() }->{leaders_elected_total}, '>=', 2,
           'a leader was elected');
    cmp_ok({ metrics() }->{drainer_starts_total}, '>=', 2,
           'and began to drain');

    $t->reload();
    post('ok');
    is(becomes(delivered($Ids{ok}), 9), 9, 'and after a reload');
}


sub lower {
    my ($before, $now) = @_;

    return join ' ', grep { /_(?:total|bucket|count|sum)\b/
                            && ($now->{$_} // 0) < $before->{$_} }
           sort keys %$before;
}
