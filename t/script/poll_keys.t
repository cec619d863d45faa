# Keys that change while a long poll is held with them, and the memory of a
# poll that looks again and again.

use strict;
use warnings;

use IO::Select;
use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END')->plan(14);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=root  scopes=admin;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();

# --- revoked ---

my $key = make('alice');
my $polls = poll($key);

ok(held($polls), 'a poll is held');
is($t->delete("/v1/keys/$key->{key_id}")->{status}, 200, 'its key revoked');
post('alice');
is(Triggers::Nginx::http_end($polls)->{status}, 401,
   'it is not answered with what came after that');

# --- also when nothing comes ---

$key = make('alice');
$polls = poll($key, '/inbox?status=failed&wait=1');
is($t->delete("/v1/keys/$key->{key_id}")->{status}, 200, 'another one');
is(Triggers::Nginx::http_end($polls)->{status}, 401, 'nor when time is over');

# --- scopes ---

$key = make('bob');
$polls = poll($key);
ok(held($polls), 'a poll is held');
is(patch($key, '{"scopes":["events:write"]}'), 200, 'its scope is taken');
post('bob');
is(Triggers::Nginx::http_end($polls)->{status}, 403, 'and it is refused');

$key = make('carol', 'admin');
$polls = poll($key, '/inbox?status=failed,pending&event_type=secret&wait=30');
ok(held($polls), 'an administrator polls');
is(patch($key, '{"scopes":["events:read"]}'), 200, 'who is none any more');
post('dave', 'secret');
ok(held($polls), 'and does not see what others have');
post('carol', 'secret');
is(Triggers::Nginx::http_end($polls)->{json}{total}, 1, 'but its own');

# --- memory ---

SKIP: {
    skip 'checkers keep what is freed', 2 if $Triggers::Nginx::Scale > 1;

    $key = make('eve');
    my $eve = make('eve', 'events:write');
    my @polls = map { poll($key, '/inbox?event_type=never&wait=30') } 1 .. 60;
    ok(held(@polls), 'many polls');

    my $before = memory();

    for (1 .. 60) {
        $t->post('/events', '{"payload":{}}', key => $eve->{key});
        sleep 0.05;
    }

    my $grown = memory() - $before;
    cmp_ok($grown, '<', 8 * 1024, "they do not grow: $grown KB");
}


sub make {
    my ($user, @scopes) = @_;
    @scopes = qw( events:read ) if !@scopes;

    return $t->post('/v1/keys', encode_json({ name => 'x', user_id => $user,
                                              scopes => \@scopes }))->{json};
}


sub patch {
    my ($key, $body) = @_;
    return $t->request('PATCH', "/v1/keys/$key->{key_id}",
                       body => $body)->{status};
}


sub poll {
    my ($key, $uri) = @_;
    return $t->http_start(Triggers::Nginx::text('GET',
                                       $uri // '/inbox?wait=30&event_type=x',
                                       key => $key->{key}));
}


sub held {
    return !IO::Select->new(@_)->can_read(0.3);
}


sub post {
    my ($user, $type) = @_;
    my $key = make($user, 'events:write');

    return $t->post('/events', encode_json({ payload => {},
                                             event_type => $type // 'x' }),
                    key => $key->{key})->{status};
}


# of the worker, KB

sub memory {
    my ($pid) = $t->workers();
    open my $in, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!";
    return (map { /^VmRSS:\s+(\d+)/ } <$in>)[0];
}
