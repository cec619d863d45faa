# A request that is refused ends there: the worker lives on, and nothing is
# done to the store.  Refusals were once sent and the request handled all the
# same, so that its answer came twice, which crashed the worker, and a key
# without the scope deleted events.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END');
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=alice;
    triggers_key    "read-key"   user=alice  scopes=events:read;
    triggers_key    "write-key"  user=alice  scopes=events:write;
    triggers_key    "bob-key"    user=bob;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

my $Post = '{"event_type":"t","payload":{"n":2}}';

# status, method, URI (ID is the event's), key, body

my @requests = (
    [404, 'GET', '/v1/nope', undef],
    [401, 'GET', '/inbox', undef],
    [401, 'GET', '/v1/inbox', 'nobody'],
    [401, 'POST', '/events', undef, $Post],
    [401, 'POST', '/v1/events', 'nobody', $Post],
    [401, 'POST', '/inbox/ID/ack', undef],
    [401, 'DELETE', '/v1/events/ID', undef],
    [401, 'DELETE', '/v1/events/ID', 'nobody'],
    [403, 'DELETE', '/v1/events/ID', 'read-key'],
    [403, 'DELETE', '/v1/events/ID', 'write-key'],
    [403, 'POST', '/inbox/ID/ack', 'read-key'],
    [403, 'POST', '/v1/events/ID/ack', 'write-key'],
    [403, 'POST', '/inbox/ID/retry', 'read-key'],
    [403, 'POST', '/events', 'read-key', $Post],
    [403, 'POST', '/v1/events', 'read-key', $Post],
    [403, 'GET', '/inbox', 'write-key'],
    [403, 'GET', '/v1/events/ID', 'write-key'],
    [404, 'GET', '/v1/nope', 'test-key'],
    [404, 'POST', '/v1/nope', 'test-key', $Post],
    [404, 'GET', '/v1/events/ID', 'bob-key'],
    [404, 'POST', '/inbox/ID/ack', 'bob-key'],
    [405, 'POST', '/v1/inbox', 'test-key', $Post],
    [405, 'POST', '/v1/inbox', undef, $Post],
    [405, 'DELETE', '/inbox', 'test-key'],
    [405, 'PUT', '/v1/events/ID', 'test-key', $Post],
    [405, 'PATCH', '/events', undef, $Post],
    [405, 'POST', '/v1/health', undef, $Post],
);

$t->plan(2 * @requests + 5)->ready();

my $id = $t->post('/events', '{"payload":{"n":1}}')->{json}{event_id};
my ($worker) = $t->workers();

for my $request (@requests) {
    my ($status, $method, $uri, $key, $body) = @$request;
    my $name = "$method $uri " . ($key // 'without a key');

    $uri =~ s/ID/$id/;
    my $res = $t->request($method, $uri, key => $key, body => $body);

    is($res->{status}, $status, $name);
    is("@{[ $t->workers() ]}", $worker, "$name: the worker lives");
}

# another owner's delete says that nothing was there, and it is true

my $res = $t->delete("/v1/events/$id", key => 'bob-key');
is("$res->{status} " . ($res->{json}{deleted} ? 'deleted' : 'nothing'),
   '200 nothing', 'a DELETE of another owner deletes nothing');

# two on one connection: an answer that is sent twice would be read as the next

my $sock = $t->connect();

print $sock Triggers::Nginx::text('DELETE', "/v1/events/$id", sock => $sock,
                                  key => 'read-key'),
            Triggers::Nginx::text('GET', '/v1/health', sock => $sock);

is(join(' ', map { http_read($sock)->{status} } 1, 2), '403 200',
   'one answer for each');

is(join(',', map { "$_->{payload}{n} $_->{status}" } $t->inbox()),
   '1 pending', 'the event is left as it was, and there is no other');
is("@{[ $t->workers() ]}", $worker, 'still the same worker');
is(inconsistencies($t), '', 'counters agree');
