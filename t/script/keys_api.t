# /v1/keys from the making of a key to its end: what is answered, what the key
# may do afterwards, who may see and change it.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Nginx;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    log_format  keys  '$triggers_user $triggers_key_id $triggers_event_id- $uri';

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=root   scopes=admin;
    triggers_key    "alice-key"  user=alice  rate=500
                    scopes=keys:manage,events:read,events:write;
    triggers_key    "bob-key"    user=bob    scopes=keys:manage,events:read;
    triggers_key    "carol-key"  user=carol;

    server {
        listen      127.0.0.1:%%PORT%%;
        access_log  %%DIR%%/keys.log  keys;

        location / {
            triggers             main;
            triggers_rate_limit  1000;
        }

        location /hooks/ {
            triggers          main;
            triggers_key_ttl  1h;
        }
    }
}
END

my $t = Triggers::Nginx->new(config => $Config)->plan(146);
my $json = JSON::PP->new->utf8->canonical;

my $Uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
my $Time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

$t->ready();


sub ask {
    my ($method, $uri, $body, $key) = @_;
    return $t->request($method, $uri, key => $key // 'test-key',
                       defined $body ? (body => ref $body
                                                ? $json->encode($body)
                                                : $body) : ());
}

sub make {
    my ($body, $key) = @_;
    my $res = ask('POST', '/v1/keys', $body, $key);
    $res->{status} eq '201' or diag("$res->{status} $res->{body}");
    return $res->{json};
}

# what an answer says went wrong

sub fault {
    my ($res) = @_;
    my $error = $res->{json}{error};
    return join ' ', $res->{status}, $error->{code} // '-',
                     $error->{details}{field} // '-';
}

sub revoked {
    my ($res) = @_;
    my $json = $res->{json};
    my $revoked = $json->{revoked} ? 'true' : 'false';
    return "$res->{status} $json->{status} $revoked $json->{message}";
}

sub status { ask('GET', '/inbox', undef, $_[0])->{status} }


# create

my $res = ask('POST', '/v1/keys', { name => 'first' });
my $first = $res->{json};

is($res->{status}, 201, 'created');
like($first->{key_id}, $Uuid, 'key_id');
like($first->{key}, qr/^sk-live-[A-Za-z0-9_-]{43}$/, 'key');
is($first->{prefix}, substr($first->{key}, 0, 12), 'prefix');
is($res->{headers}{location}, "/v1/keys/$first->{key_id}", 'Location');
is($json->encode([ @$first{qw( name user_id scopes rate_limit allowed_ips
                               is_active status expires_at last_used_at
                               revoked_at rotated_from )} ]),
   '["first","root",["events:write","events:read","inbox:ack"],1000,[],'
   . $json->encode([ JSON::PP::true() ]) =~ s/^\[(.*)\]$/$1/r
   . ',"active",null,null,null,null]', 'defaults');
like($first->{created_at}, $Time, 'created_at');
is($first->{request_id}, $res->{headers}{'x-request-id'}, 'request_id');
like($first->{timestamp}, $Time, 'timestamp');

is(status($first->{key}), 200, 'the new key is let in');
is(ask('GET', '/inbox', undef, $first->{key} . 'x')->{status}, 401,
   'another is not');
is(ask('GET', '/v1/keys', undef, $first->{key})->{status}, 403,
   'not beyond its scopes');

my @rows = $t->sql("SELECT lower(hex(digest)) FROM keys");
my $digest = do { require Digest::SHA; Digest::SHA::sha256_hex($first->{key}) };
is("@rows", $digest, 'the store has the digest');
ok(index($t->read('events.db') . $t->read('events.db-wal'), $first->{key}) < 0,
   'and not the key');

# read

$res = ask('GET', "/v1/keys/$first->{key_id}");
is($res->{status}, 200, 'read');
ok(!exists $res->{json}{key}, 'without the key');
like($res->{json}{last_used_at}, $Time, 'last used just now');
is($json->encode([ map { ref ? @$_ : $_ // 'null' }
                   @{$res->{json}}{qw( name user_id scopes prefix status )} ]),
   $json->encode([ 'first', 'root', @{$first->{scopes}}, $first->{prefix},
                   'active' ]), 'as it was made');
is(ask('HEAD', "/v1/keys/$first->{key_id}")->{status}, 200, 'HEAD');
is(ask('GET', "/v1/keys/$first->{key_id}/")->{status}, 200,
   'with a slash behind it');
is(fault(ask('GET', '/v1/keys/0193b3a0-0000-7000-8000-000000000001')),
   '404 NOT_FOUND -', 'no such key');
is(fault(ask('GET', '/v1/keys/1')), '400 VALIDATION_ERROR id', 'no id');
$res = ask('PUT', "/v1/keys/$first->{key_id}");
is("$res->{status} $res->{headers}{allow}", '405 GET, HEAD, PATCH, DELETE, OPTIONS',
   'Allow of a key');

# all members

my $full = make({ name => "\x{fc}ml\x{e4}ut", user_id => 'dave',
                  scopes => ['events:read', 'logs:read'], rate_limit => 7,
                  expires_at => '2999-01-01T00:00:00+01:00',
                  allowed_ips => ['127.0.0.0/8', '2001:DB8::/32', '::1'] });

is($json->encode([ @$full{qw( user_id scopes rate_limit expires_at
                              allowed_ips )} ]),
   '["dave",["events:read","logs:read"],7,"2998-12-31T23:00:00.000Z",'
   . '["127.0.0.0/8","2001:DB8::/32","::1"]]', 'all members');
is(ask('GET', "/v1/keys/$full->{key_id}")->{json}{name}, "\x{fc}ml\x{e4}ut",
   'a name of any characters');
$res = ask('GET', '/inbox', undef, $full->{key});
is("$res->{status} $res->{headers}{'x-ratelimit-limit'}", '200 7',
   'its limit holds');
is(make({ name => 'n', rate_limit => 0 })->{rate_limit}, 0, 'no limit');

my $ttl = ask('POST', '/hooks/v1/keys', { name => 'n' });
like($ttl->{json}{expires_at}, $Time, 'triggers_key_ttl');
like($ttl->{headers}{location}, qr{^/hooks/v1/keys/}, 'prefix of Location');
is(ask('POST', '/hooks/v1/keys', '{"name":"n","expires_at":null}')->{json}
   {expires_at}, undef, 'never in spite of it');

# what is refused

my @bad = (
    [ 'not JSON', '{', '-' ],
    [ 'no object', '[]', '-' ],
    [ 'empty', '', '-' ],
    [ 'a member twice', '{"name":"a","name":"b"}', '-' ],
    [ 'no name', '{}', 'name' ],
    [ 'an unknown member', '{"name":"a","colour":"red"}', 'colour' ],
    [ 'is_active', '{"name":"a","is_active":true}', 'is_active' ],
    [ 'a name that is none', '{"name":1}', 'name' ],
    [ 'an empty name', '{"name":""}', 'name' ],
    [ 'a long name', '{"name":"' . 'x' x 101 . '"}', 'name' ],
    [ 'a name with a line feed', '{"name":"a\nb"}', 'name' ],
    [ 'an empty user_id', '{"name":"a","user_id":""}', 'user_id' ],
    [ 'a long user_id', '{"name":"a","user_id":"' . 'x' x 256 . '"}',
      'user_id' ],
    [ 'no scopes', '{"name":"a","scopes":[]}', 'scopes' ],
    [ 'scopes as text', '{"name":"a","scopes":"admin"}', 'scopes' ],
    [ 'an unknown scope', '{"name":"a","scopes":["events"]}', 'scopes' ],
    [ 'a scope of two lines', '{"name":"a","scopes":["a\\nb"]}', 'scopes' ],
    [ 'too many scopes', '{"name":"a","scopes":['
      . join(',', ('"admin"') x 17) . ']}', 'scopes' ],
    [ 'a limit below 0', '{"name":"a","rate_limit":-1}', 'rate_limit' ],
    [ 'half a limit', '{"name":"a","rate_limit":1.5}', 'rate_limit' ],
    [ 'a large limit', '{"name":"a","rate_limit":1000000001}', 'rate_limit' ],
    [ 'an end in the past', '{"name":"a","expires_at":"2020-01-01"}',
      'expires_at' ],
    [ 'an end that is no time', '{"name":"a","expires_at":"soon"}',
      'expires_at' ],
    [ 'no network', '{"name":"a","allowed_ips":["10.0.0.0/33"]}',
      'allowed_ips' ],
    [ 'dots', '{"name":"a","allowed_ips":["..."]}', 'allowed_ips' ],
    [ 'octal or not', '{"name":"a","allowed_ips":["010.0.0.1"]}',
      'allowed_ips' ],
    [ 'a socket', '{"name":"a","allowed_ips":["unix:"]}', 'allowed_ips' ],
    [ 'too many networks', '{"name":"a","allowed_ips":['
      . join(',', ('"10.0.0.0/8"') x 33) . ']}', 'allowed_ips' ],
    [ 'too long networks', '{"name":"a","allowed_ips":['
      . join(',', ('"2001:db8::1"') x 11) . ']}', 'allowed_ips' ],
);

for (@bad) {
    my ($name, $body, $field) = @$_;
    is(fault(ask('POST', '/v1/keys', $body)), "400 VALIDATION_ERROR $field",
       "create: $name");
}

is(ask('POST', '/v1/keys', { name => 'a', allowed_ips =>
       [ map { "10.0.0.$_" } 1 .. 32 ] })->{status}, 201,
   '32 addresses fit');
is(fault($t->request('POST', '/v1/keys', body => '{}',
                     'Content-Type' => 'text/plain')),
   '415 UNSUPPORTED_MEDIA_TYPE -', 'create: another type');
is(fault(ask('POST', '/v1/keys', '{"name":"' . ' ' x 300000 . '"}')),
   '413 PAYLOAD_TOO_LARGE -', 'create: a large body');

# owners

my $own = make({ name => "own", rate_limit => 500, scopes => ["events:read"] },
               "alice-key");
is($own->{user_id}, 'alice', 'the caller is the owner');
is(fault(ask($_, "/v1/keys/$own->{key_id}", '{"name":"x"}', 'bob-key')),
   '404 NOT_FOUND -', "$_ of another owner's") for qw( GET PATCH );
is(revoked(ask('DELETE', "/v1/keys/$own->{key_id}", undef, 'bob-key')),
   '200 revoked false There is no such key', "revoking another owner's");
is(fault(ask('POST', "/v1/keys/$own->{key_id}/rotate", undef, 'bob-key')),
   '404 NOT_FOUND -', "rotation of another owner's");
$res = ask('GET', "/v1/keys/$own->{key_id}");
is("$res->{status} $res->{json}{status}", '200 active',
   'admin sees all, and nothing has happened');
is(fault(ask('GET', '/v1/keys', undef, 'carol-key')), '403 FORBIDDEN -',
   'without the scope');
is($t->get('/v1/keys', key => undef)->{status}, 401, 'without a key');

# nobody gives what it has not

is(fault(ask('POST', '/v1/keys', { name => 'n', user_id => 'bob' },
             'alice-key')), '403 FORBIDDEN user_id', 'for another user');
is(ask('POST', '/v1/keys', { name => 'n', user_id => 'alice',
                             scopes => ['events:read'] },
       'alice-key')->{status}, 201, 'for oneself by name');
is(fault(ask('POST', '/v1/keys', { name => 'n', scopes => [$_] },
             'alice-key')), '403 FORBIDDEN scopes', "scope $_")
    for 'admin', 'inbox:ack';
is(fault(ask('POST', '/v1/keys', { name => 'n', scopes => ['events:read'],
                                   rate_limit => $_ }, 'alice-key')),
   '403 FORBIDDEN rate_limit', "limit $_") for 501, 0;

# change

my $uri = "/v1/keys/$own->{key_id}";
my $before = ask('GET', $uri)->{json};

sleep 0.005;
$res = ask('PATCH', $uri, { name => 'renamed', rate_limit => 9 },
           'alice-key');
is("$res->{status} $res->{json}{name} $res->{json}{rate_limit}",
   '200 renamed 9', 'changed');
ok($res->{json}{updated_at} gt $before->{updated_at}, 'updated_at');
ok(!exists $res->{json}{key}, 'no key is told');
is($json->encode($res->{json}{scopes}), '["events:read"]',
   'the rest is as it was');
is(ask('GET', '/inbox', undef, $own->{key})->{headers}{'x-ratelimit-limit'},
   9, 'the new limit holds');

is(ask('PATCH', $uri, '{}')->{status}, 200, 'no change');
is(fault(ask('PATCH', $uri, '{"user_id":"bob"}')),
   '400 VALIDATION_ERROR user_id', 'the owner stays');
is(fault(ask('PATCH', $uri, '{"is_active":1}')),
   '400 VALIDATION_ERROR is_active', 'is_active is a flag');
is(fault(ask('PATCH', $uri, { scopes => ['admin'] }, 'alice-key')),
   '403 FORBIDDEN scopes', 'no scope one has not');
is(fault(ask('PATCH', '/v1/keys/0193b3a0-0000-7000-8000-000000000001',
             '{}')), '404 NOT_FOUND -', 'change of no key');

$res = ask('PATCH', $uri, { is_active => JSON::PP::false() });
is("$res->{json}{status} " . status($own->{key}), 'inactive 401', 'inactive');
$res = ask('PATCH', $uri, { is_active => JSON::PP::true() });
is("$res->{json}{status} " . status($own->{key}), 'active 200', 'active');

$res = ask('PATCH', $uri, { scopes => ['events:write'] });
is(status($own->{key}), 403, 'without its scope');
$res = ask('PATCH', $uri, { scopes => ['events:read'] });
is(status($own->{key}), 200, 'with its scope again');

my $time = time() + 2;
$res = ask('PATCH', $uri, { expires_at => iso($time) });
is($res->{json}{expires_at} // 'expired', iso($time), 'to expire');
ok(status($own->{key}) eq '200' || time() > $time, 'until then it holds');
sleep 0.05 while time() <= $time;
is(status($own->{key}), 401, 'expired');
is(ask('GET', $uri)->{json}{status}, 'expired', 'and says so');
sleep 1.5;
$res = ask('PATCH', $uri, '{"expires_at":null}');
is("$res->{json}{status} " . status($own->{key}), 'active 200',
   'and comes back');

sub iso {
    my ($time) = @_;
    my @t = gmtime $time;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', $t[5] + 1900,
                   $t[4] + 1, @t[3, 2, 1, 0], ($time - int $time) * 1000;
}


# a key that may do more than the caller's

my $strong = make({ name => 'strong', user_id => 'alice',
                    scopes => ['inbox:ack'] });
is(fault(ask('PATCH', "/v1/keys/$strong->{key_id}", { name => 'x' },
             'alice-key')), '403 FORBIDDEN -', 'is not changed');
is(fault(ask('POST', "/v1/keys/$strong->{key_id}/rotate", undef,
             'alice-key')), '403 FORBIDDEN -', 'nor rotated');
is(ask('DELETE', "/v1/keys/$strong->{key_id}", undef, 'alice-key')->{status},
   200, 'but revoked');

# rotate

my $old = make({ name => 'turning', scopes => ['events:read'],
                 allowed_ips => ['127.0.0.1'], expires_at => '2998-01-01' });
$time = time() + 2;
$res = ask('POST', "/v1/keys/$old->{key_id}/rotate", '{"grace_seconds":2}');
my $new = $res->{json};
is($res->{status}, 201, 'rotated');
is($res->{headers}{location}, "/v1/keys/$new->{key_id}", 'Location');
like($new->{key}, qr/^sk-live-[A-Za-z0-9_-]{43}$/, 'a new key');
is($json->encode([ @$new{qw( name scopes allowed_ips expires_at
                             rotated_from )} ]),
   $json->encode([ @$old{qw( name scopes allowed_ips expires_at key_id )} ]),
   'with what the old one had');
ok(status($old->{key}) eq '200' || time() > $time, 'the old one holds');
is(status($new->{key}), 200, 'and the new one');
$time = time() + 2;
sleep 0.05 while time() <= $time;
is(status($new->{key}) . ' ' . status($old->{key}), '200 401',
   'the old one for its grace');
is(fault(ask('POST', "/v1/keys/$old->{key_id}/rotate")), '409 CONFLICT -',
   'an expired key is not rotated');

my $newer = ask('POST', "/v1/keys/$new->{key_id}/rotate")->{json};
is(status($newer->{key}) . ' ' . status($new->{key}), '200 401',
   'without grace the old one ends at once');
is(fault(ask('POST', "/v1/keys/$newer->{key_id}/rotate", $_)),
   '400 VALIDATION_ERROR grace_seconds', "rotate: $_")
    for '{"grace_seconds":-1}', '{"grace_seconds":604801}',
        '{"grace_seconds":"1"}';
is(fault(ask('POST', "/v1/keys/$newer->{key_id}/rotate", '{"name":"x"}')),
   '400 VALIDATION_ERROR name', 'rotate: an unknown member');

# revoke

$uri = "/v1/keys/$newer->{key_id}";
$res = ask('DELETE', $uri);
is($res->{json}{key_id}, $newer->{key_id}, 'this one');
is(revoked($res), '200 revoked true Key revoked', 'is revoked');
is(status($newer->{key}), 401, 'a revoked key is refused');
my $at = ask('GET', $uri)->{json}{revoked_at};
like($at, $Time, 'revoked_at');
is(ask('GET', $uri)->{json}{status}, 'revoked', 'status');
is(revoked(ask('DELETE', $uri)), '200 revoked true Key revoked',
   'revoked again');
is(ask('GET', $uri)->{json}{revoked_at}, $at, 'at the same time');
is(fault(ask('PATCH', $uri, '{"is_active":true}')), '409 CONFLICT -',
   'a revoked key is not changed');
is(fault(ask('POST', "$uri/rotate")), '409 CONFLICT -', 'nor rotated');
is(revoked(ask('DELETE', '/v1/keys/0193b3a0-0000-7000-8000-000000000001')),
   '200 revoked false There is no such key', 'there is no such key');
is(fault(ask('DELETE', '/v1/keys/x')), '400 VALIDATION_ERROR id',
   'that is no id');

my $self = make({ name => 'self', scopes => ['keys:manage'] });
is(ask('DELETE', "/v1/keys/$self->{key_id}", undef, $self->{key})->{status},
   200, 'a key revokes itself');
is(status($self->{key}), 401, 'and is gone');

# who waits for events with a key that goes

for ([ 'revoked', 'DELETE', undef, 401 ],
     [ 'inactive', 'PATCH', { is_active => JSON::PP::false() }, 401 ],
     [ 'without its scope', 'PATCH', { scopes => ['inbox:ack'] }, 403 ],
     [ 'as it was', 'PATCH', { name => 'x' }, 200 ])
{
    my ($name, $method, $change, $status) = @$_;
    my $key = make({ name => 'waiting', user_id => 'frank' });
    my $sock = $t->http_start(Triggers::Nginx::text(
        'GET', '/v1/inbox?wait=50&event_type=' . $key->{key_id},
        key => $key->{key}));

    sleep 0.1;
    ask($method, "/v1/keys/$key->{key_id}", $change);

    my $poster = make({ name => 'poster', user_id => 'frank' });
    ask('POST', '/v1/events', { event_type => $key->{key_id},
                                payload => {} }, $poster->{key});
    is(http_end($sock, 40)->{status}, $status, "waiting with a key: $name");
}

# list

# ids are in the order of milliseconds

for (1 .. 6) {
    make({ name => "eve $_", user_id => 'eve', scopes => ['keys:manage'] });
    sleep 0.003;
}

my $eve = make({ name => 'eve 7', user_id => 'eve',
                 scopes => ['keys:manage'] })->{key};

$res = ask('GET', '/v1/keys', undef, $eve);
is(join(',', map { $_->{name} } @{$res->{json}{keys}}),
   'eve 7,eve 6,eve 5,eve 4,eve 3,eve 2,eve 1', 'list: own, newest first');
is($json->encode($res->{json}{pagination}),
   '{"has_more":false,"limit":50,"next_cursor":null,"offset":null}',
   'list: the only page');

my (@names, $cursor);

for (1 .. 4) {
    $res = ask('GET', '/v1/keys?limit=2' . ($cursor ? "&cursor=$cursor" : ''),
               undef, $eve);
    push @names, map { $_->{name} } @{$res->{json}{keys}};
    $cursor = $res->{json}{pagination}{next_cursor};
}

is(join(',', @names), 'eve 7,eve 6,eve 5,eve 4,eve 3,eve 2,eve 1',
   'list: by the cursor');
is($cursor, undef, 'list: to the end');

$res = ask('GET', '/v1/keys?limit=2&offset=3', undef, $eve);
is(join(',', map { $_->{name} } @{$res->{json}{keys}}), 'eve 4,eve 3',
   'list: an offset');
$res = ask('GET', "/v1/keys?limit=1&offset=$res->{json}{pagination}{offset}",
           undef, $eve);
is(join(',', map { $_->{name} } @{$res->{json}{keys}}), 'eve 2',
   'list: a cursor as offset');
is(fault(ask('GET', "/v1/keys?$_", undef, $eve)),
   '400 VALIDATION_ERROR ' . (split /=/)[0], "list: $_") for 'limit=0', 'limit=1001', 'limit=x', 'offset=-1',
                   'offset=k', 'cursor=abc', 'cursor=';
ok(@{ask('GET', '/v1/keys?limit=1000')->{json}{keys}} > 15,
   'list: all of them for an admin');
is(ask('GET', '/v1/keys', '', 'bob-key')->{json}{keys}[0], undef,
   'list: none');

# what the log has

my $log = $t->read('keys.log');
like($log, qr/^eve [0-9a-f-]{36} -- \/v1\/keys$/m,
     'user and id of a stored key in the log; no event');
ok($t->read('error.log') !~ /sk-live-/ && $log !~ /sk-live-/,
   'no key in the logs');
unlike($t->read('error.log'), qr/^b"/m, 'no line of a client in the log');
