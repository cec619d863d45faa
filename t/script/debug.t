# What debug flags do over time: late answers, clients that do not wait for
# them, the end of the process, and the way to the dead letters.

use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw( time );
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(14);
%%GLOBALS%%

events {
    worker_connections  1024;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  rate=0;
    triggers_retry_schedule  100ms 200ms;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_debug on;
        }
    }
}
END

$t->ready();

my $dead = $t->post('/events?debug=dlq_routing', '{"payload":{"n":0}}');
is($dead->{status}, 200, 'an event that is to fail is accepted');
my $id = $dead->{json}{event_id};

# --- late answers ---

my $start = time();
my @socks = map { late($_) } 1 .. 10;

ok(wait_for(sub { $t->inbox() == 11 }), 'the events are there');

for my $n (1 .. 50) {
    $t->post('/events', qq({"payload":{"n":$n}}));
}

ok(!IO::Select->new(@socks)->can_read(0.2) || time() - $start >= 2,
   'before they are answered');

close $_ for splice @socks, 0, 5;

is(join(',', map { http_end($_)->{status} } @socks), '200,200,200,200,200',
   'those that have stayed are answered');
cmp_ok(time() - $start, '>=', 1.9, 'late');

# --- the way to the dead letters ---

ok(wait_for(sub { status()->{status} eq 'failed' }), 'it has failed');
is(scalar @{status()->{attempts}}, 3, 'after three attempts');
is(join(' ', @{status()->{attempts}[2]}{qw( target outcome )}), 'step failed',
   'which were steps');
ok($t->get("/v1/events/$id")->{json}{error_message}, 'it says why');
is($t->post('/v1/inbox/retry', '')->{json}{retried}, 1, 'it can be retried');
is(status()->{status}, 'retrying', 'and is');

# --- the end of the process ---

# answers would be two seconds late: a busy machine has some tries

my ($status, $took);

for (1 .. 5) {
    my $before = $t->inbox();

    @socks = map { late($_) } 1 .. 10;
    wait_for(sub { $t->inbox() == $before + 10 });
    $start = time();
    $t->signal('QUIT');
    $status = join ',', map { http_end($_)->{status} } @socks;
    $took = time() - $start;
    last if $status ne join(',', (200) x 10)
            || $took < 1.5 * $Triggers::Nginx::Scale;
    $t->quit();
    $t->ready();
}

is($status, join(',', (200) x 10), 'the end of the process answers them');
cmp_ok($took, '<', 1.5 * $Triggers::Nginx::Scale, 'at once');
ok($t->quit(), 'and ends');


sub late {
    my ($n) = @_;
    return $t->http_start(Triggers::Nginx::text('POST',
                              '/events?debug=queue_delay',
                              body => qq({"payload":{"n":$n}})));
}


sub status { return $t->get("/v1/events/$id/status")->{json} }
