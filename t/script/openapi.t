# docs/openapi.yaml against the running server: every operation is asked for
# every answer that the document says it gives, with the requests that its
# examples and schemas make, and every answer has to be as it is described.

use strict;
use warnings;

use Fcntl qw( F_WRLCK SEEK_SET );
use JSON::PP ();
use Test::More;
use Triggers::Nginx;
use Triggers::OpenAPI;

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my $Unknown = '0192d4e0-7b1a-7cc3-9a52-5a0f2f0d3c11';
my $Event = '{"event_type":"openapi.test","payload":{}}';
my @Scopes = qw( events:write events:read inbox:ack keys:manage
                 webhooks:manage metrics:read );
my $Failed = 12;    # events that there are to be retried


# What no request here can bring about: 500 is a fault of the machine or a bug;
# some answers need no store.

my %Exempt = map { $_ => 1 } '500', 'headDescription 5XX', 'headMetrics 5XX',
    'getMetrics 503',
    map { ("getStream$_ 503", "headStream$_ 5XX") } '', 'V1';

if (my $why = Triggers::OpenAPI::missing()) {
    plan(skip_all => $why);
}

my $api = Triggers::OpenAPI->new();
my @operations = $api->operations();
my @failed;
my %seen;
my %webhook;    # of a key's user

my $keys = join '', map {
    "    triggers_key  \"$_->[0]-key\"  user=$_->[1]  scopes=$_->[2]"
    . "  rate=$_->[3];\n"
} ['alice', 'alice', join(',', @Scopes), 100000],
  ['bob', 'bob', join(',', @Scopes), 100000],
  ['slow', 'slow', 'admin', 1], ['admin', 'root', 'admin', 100000],
  (map { ["once-$_->{id}", $_->{id}, 'events:write', 100000] }
   grep { $_->{method} eq 'POST' } @operations),
  map { my $lacks = $_;
        ["lacks-$lacks", 'alice',
         join(',', 'logs:read', grep { $_ ne $lacks } @Scopes), 100000] }
  @Scopes;

# where others do as well, or only an administrator: the key that is used, the
# one that lacks all

my %Key = (admin => 'admin-key', 'logs:read' => 'admin-key');
my %Lacks = (admin => 'alice-key', 'logs:read' => 'once-createEventV1-key');

my $t = Triggers::Nginx->new(config => <<"END");
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main    sqlite:%%DB%%                     zone=64m;
    triggers_store  broken  sqlite:%%DIR%%/nowhere/events.db  zone=64m;

    triggers_backup_path  %%DIR%%/backup;

    triggers_deliver  http://127.0.0.1:9/  never  store=main;

$keys
    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_debug on;
        }

        location /once/ {
            triggers                 main;
            triggers_lease_attempts  1;
        }

        location /off/ {
            triggers              main;
            triggers_backup_path  off;
        }

        location /small/ {
            triggers              main;
            client_max_body_size  16;
        }

        location /broken/ {
            triggers  broken;
        }

        location /cors/ {
            triggers       main;
            triggers_cors  https://dashboard.example;
        }
    }
}
END

mkdir "$t->{dir}/backup" or die "mkdir: $!";

$t->ready();
make_failed_events();

# what was until now is a point of the history

$t->quit();
$t->ready();

for my $op (@operations) {
    my $method = $op->{method};

    if ($method eq 'HEAD') {
        check_head($op);

    } elsif ($method eq 'OPTIONS') {
        check_options($op);

    } else {
        check_success($op);
        check_refusals($op);
        check_bad_requests($op);
    }
}

check_idempotency($_) for qw( createEvent createEventV1 );
check_batches();
check_keys();
check_document();
check_methods();
check_examples();
check_routes();
check_coverage();

$t->finish();
done_testing();


# Sends a request and holds the answer against the document.  Options are
# those of Triggers::Nginx::request() and: uri, id (of the path), query, name.

sub ask {
    my ($op, $status, $name, %args) = @_;
    my $key = exists $args{key} ? $args{key} : key_of($op);
    my $base = delete $args{base} // '';
    my $id = delete $args{id} // '';
    my $query = delete $args{query};
    my $uri = $base . $op->{path} =~ s/\{\w+\}/$id/r
              . (defined $query ? "?$query" : '');
    my $res = $t->request($op->{method}, $uri, %args, key => $key);
    my $got = $res->{status} || 'no answer';
    my (undef, undef, $under) = $api->response($op, $got);

    # nginx itself refuses a body by its length, before it asks for a key

    my $limited = (defined $key || $args{'X-API-Key'})
                  && $op->{scope} && $got !~ /^(?:401|413)$/
                  && ($under // '') ne '4XX';
    my @wrong = $api->wrong($op, $res, limited => $limited);

    unshift @wrong, "the status is $got" if $got ne $status;
    $seen{$op->{id}}{$under}++ if $under && $got eq $status;

    $name =~ s/[^\x20-\x7e]/?/g;

    my $ok = ok(!@wrong, "$op->{method} $op->{path} $status $name");
    diag(map { "  $_\n" } @wrong, cut($res->{body})) if !$ok;

    return $res;
}


sub key_of {
    my ($op) = @_;
    return $Key{$op->{scope} // ''} // 'alice-key';
}


sub cut {
    my ($text) = @_;
    return $text eq '' ? () : '  ' . substr($text, 0, 300) . "\n";
}


# the id that an operation's path needs, of something that is fresh

sub fresh {
    my ($op, $key) = @_;

    return '' if $op->{path} !~ /\{(\w+)\}/;
    return fresh_key($key)->{key_id} // $Unknown if $1 eq 'key_id';
    return fresh_webhook($key) if $1 eq 'webhook_id';
    return fresh_event($key);
}


sub fresh_event {
    my ($key) = @_;
    return $t->post('/events', $Event, key => $key // 'alice-key')
             ->{json}{event_id} // $Unknown;
}


sub fresh_key {
    my ($key) = @_;
    return $t->post('/v1/keys', '{"name":"fixture"}',
                    key => $key // 'alice-key')->{json} // {};
}


# There may be a hundred of one user; it goes before the next one is made.

sub fresh_webhook {
    my ($key) = @_;

    $key //= 'alice-key';
    $t->delete("/v1/webhooks/$webhook{$key}", key => $key) if $webhook{$key};
    $webhook{$key} = $t->post('/v1/webhooks',
                              '{"url":"https://hooks.example/",'
                              . '"event_types":["never"]}',
                              key => $key)->{json}{webhook_id} // $Unknown;

    return $webhook{$key};
}


# where one attempt is all that an event has

sub make_failed_events {
    push @failed, fresh_event() for 1 .. $Failed;

    my $lease = lease('/once', 'alice-key', $Failed);

    $t->post('/v1/inbox/release', qq({"lease_id":"$lease->{lease_id}"}),
             key => 'alice-key');
}


sub lease {
    my ($at, $key, $limit) = @_;
    return $t->post("$at/v1/inbox/lease", qq({"lease_limit":$limit}),
                    key => $key)->{json};
}


# an example's body with a lease that there is, and an event of it

sub leased {
    my ($op, $text) = @_;

    return $text if $op->{path} !~ m{^/v1/inbox/(?:ack|release|extend)$};

    fresh_event();

    my $body = $JSON->decode($text);
    my $lease = lease('', 'alice-key', 1);

    $body->{lease_id} = $lease->{lease_id};
    $body->{event_ids} = [$lease->{events}[0]{event_id}]
        if $body->{event_ids};

    return $JSON->encode($body);
}


# Every example of a body, of a parameter and of a type to be accepted.

sub check_success {
    my ($op) = @_;
    my @codes = sort grep { /^2/ } keys %{$op->{spec}{responses}};
    my @types = sort keys %{($api->response($op, $codes[0]))[0]{content}};
    my ($first, @bodies) = bodies($op);
    my %args = $first ? %$first : (name => 'plain');

    for my $request (\%args, @bodies, parameters($op)) {
        my %request = $request == \%args ? () : %args;
        my $status = $request->{Prefer} ? '204' : $codes[0];

        good($op, $status, %request, %$request);
    }

    good($op, $codes[0], %args, name => "as $_", Accept => $_) for @types;

    good($op, $codes[0], %args, name => 'with X-API-Key', key => undef,
         'X-API-Key' => key_of($op)) if $op->{scope};
}


sub good {
    my ($op, $status, %args) = @_;
    my $name = delete $args{name};

    $args{body} = leased($op, $args{body}) if defined $args{body};
    $args{query} = ended($args{query}) if $op->{path} =~ /stream$/;

    my $id = $op->{path} =~ m{\}/retry$} ? shift @failed // $Unknown
                                       : fresh($op);
    my $res = ask($op, $status, $name, %args, id => $id);
    my ($type) = ($res->{headers}{'content-type'} // '') =~ /^([^;]*)/;

    is($type, $args{Accept}, "$op->{method} $op->{path} $name: its type")
        if $args{Accept};
    is($res->{headers}{'x-request-id'}, $args{'X-Request-ID'},
       "$op->{method} $op->{path} $name: kept") if $args{'X-Request-ID'};
}


# the parameters of a stream, which shall end

sub ended {
    my ($query) = @_;
    my @parts = grep { defined } $query;

    push @parts, 'limit=1' if "@parts" !~ /limit=/;
    push @parts, 'timeout=1' if "@parts" !~ /timeout=/;

    return join '&', @parts;
}


sub bodies {
    my ($op) = @_;
    my $content = ($op->{spec}{requestBody} // {})->{content} // {};
    my @list;

    for my $type (sort { ($b eq 'application/json') <=>
                         ($a eq 'application/json') || $a cmp $b }
                  keys %$content)
    {
        my $examples = $api->examples($content->{$type});

        push @list, map { {
            name => "example $_ as $type",
            body => $JSON->encode($examples->{$_}),
            'Content-Type' => $type =~ s/\*/vnd.test/r,
            $_ eq 'binary' ? binary($op) : (),
        } } sort keys %$examples;
    }

    return @list;
}


# the headers of a CloudEvent in binary mode

sub binary {
    my ($op) = @_;
    return map { ($_->{name} => $_->{example}) }
           grep { $_->{name} =~ /^ce-/ } @{$op->{parameters}};
}


# requests with one parameter each; those of CORS, CloudEvents and idempotency
# have checks of their own

sub parameters {
    my ($op) = @_;
    my @list;

    for my $p (@{$op->{parameters}}) {
        next if $p->{in} eq 'path' || $p->{name} =~ /^ce-|^Idempotency-Key$/;

        my $examples = $api->examples($p);

        for my $name (sort keys %$examples) {
            my $value = $examples->{$name};

            $value = cursor($op) // next if $value eq 'ZDQy';

            push @list, {
                name => "$p->{name} $name",
                $p->{in} eq 'query' ? (query => query($p->{name}, $value))
                                    : ($p->{name} => $value),
            };
        }
    }

    return @list;
}


sub query {
    my ($name, $value) = @_;

    return "$name=" . escape(join ',', @$value) if ref $value eq 'ARRAY';
    return join '&', map { escape($_) . '=' . escape($value->{$_}) }
                     sort keys %$value if ref $value;
    return "$name=" . escape($value);
}


sub escape { shift =~ s/([^\w.,~-])/sprintf '%%%02X', ord $1/ger }


# that of a first page, after which there is another

sub cursor {
    my ($op) = @_;

    # no page of an endpoint that nothing was sent to

    return if $op->{path} =~ /\{/;

    $t->post('/v1/webhooks', '{"url":"https://hooks.example/",'
                             . '"event_types":["never"]}', key => 'alice-key')
        if $op->{path} =~ /webhooks/;

    fresh({ path => $op->{path} =~ /keys/ ? '{key_id}'
                    : $op->{path} =~ /webhooks/ ? '{webhook_id}' : '{id}' })
        for 1 .. 2;

    my $page = $t->get("$op->{path}?limit=1", key => 'alice-key')
                 ->{json}{pagination};

    ok(defined $page->{next_cursor}, "$op->{path} has a cursor");

    return $page->{next_cursor};
}


# Keys, owners, types, sizes, a store that is not there.

sub check_refusals {
    my ($op) = @_;
    my $responses = $op->{spec}{responses};
    my ($body) = bodies($op);
    my %valid = $body ? %$body : ();
    my $in_path = $op->{path} =~ /\{/;

    delete $valid{name};
    $valid{id} = fresh($op);

    if ($responses->{401}) {
        ask($op, 401, 'no key', %valid, key => undef);
        ask($op, 401, 'an unknown key', %valid, key => 'nobody');
    }

    ask($op, 403, 'a key without the scope', %valid,
        key => $Lacks{$op->{scope}} // "lacks-$op->{scope}-key")
        if $responses->{403};

    if ($responses->{404} && !$in_path) {
        ask($op, 404, 'where it is off', %valid, base => '/off');

    } elsif ($responses->{404}) {
        ask($op, 404, 'an unknown id', %valid, id => $Unknown);
        ask($op, 404, "another user's id", %valid,
            id => fresh($op, 'bob-key'));
    }

    ask($op, 413, 'a large body', %valid, base => '/small')
        if $responses->{413};
    ask($op, 415, 'a body of another type', %valid,
        'Content-Type' => 'text/plain') if $responses->{415};

    check_rate($op, %valid) if $responses->{429};

    ask($op, 503, 'a store that is not there', %valid, base => '/broken')
        if $responses->{503} && !$Exempt{"$op->{id} 503"};

    check_conflict($op, %valid) if $responses->{409};
}


# the key may make one request a minute, which it may have made already

sub check_rate {
    my ($op, %valid) = @_;

    $t->get('/inbox', key => 'slow-key');

    my $res = ask($op, 429, 'a key that has used up its limit', %valid,
                  key => 'slow-key');

    is($res->{json}{error}{details}{retry_after},
       $res->{headers}{'retry-after'},
       "$op->{method} $op->{path} 429 retry_after");
}


sub check_conflict {
    my ($op, %valid) = @_;
    my $id = fresh($op);
    my $lock;

    return check_webhook_conflict($op, $id, %valid)
        if $op->{path} =~ m{^/v1/webhooks};

    if ($op->{id} eq 'createBackup') {
        $lock = backup_lock();

    } elsif ($op->{path} =~ m{/ack$}) {
        $t->post($op->{path} =~ s/\{id\}/$id/r, '', key => 'alice-key');

    } elsif ($op->{path} =~ /\{key_id\}/) {
        $t->delete("/v1/keys/$id", key => 'alice-key');
    }

    ask($op, 409, 'in the wrong state', %valid, id => $id);
}


# too many, one that is not active, one of the configuration

sub check_webhook_conflict {
    my ($op, $id, %valid) = @_;
    my $key = 'alice-key';

    if ($op->{id} eq 'createWebhook') {
        $key = 'bob-key';
        $t->post('/v1/webhooks', '{"url":"https://hooks.example/",'
                                 . '"event_types":["never"]}', key => $key)
            for 1 .. 100;

    } elsif ($op->{id} eq 'testWebhook') {
        $t->request('PATCH', "/v1/webhooks/$id", key => $key,
                    body => '{"is_active":false}');

    } else {
        $key = 'admin-key';
        ($id) = map { $_->{webhook_id} } grep { $_->{configured} }
                @{ $t->get('/v1/webhooks?limit=1000', key => $key)
                     ->{json}{webhooks} };
    }

    ask($op, 409, 'in the wrong state', %valid, id => $id, key => $key);

    return if $op->{id} ne 'createWebhook';

    $t->delete("/v1/webhooks/$_->{webhook_id}", key => $key)
        for @{ $t->get('/v1/webhooks?limit=100', key => $key)
                 ->{json}{webhooks} };
}


# what another backup of the store holds: byte 2 of its lock file, by an OFD
# lock (F_OFD_SETLK with a struct flock), until the handle goes

sub backup_lock {
    my $flock = pack 's s x4 q q i x4', F_WRLCK, SEEK_SET, 2, 1, 0;

    open my $lock, '+<', "$t->{db}.lock" or die "$t->{db}.lock: $!";
    fcntl $lock, 37, $flock or die "fcntl: $!";

    return $lock;
}


# What the schemas of the body and of the parameters refuse.

sub check_bad_requests {
    my ($op) = @_;
    my $content = ($op->{spec}{requestBody} // {})->{content} // {};
    my ($first) = bodies($op);

    return if !$op->{spec}{responses}{400};

    if ($op->{path} =~ /\{/) {
        ask($op, 400, 'an id that is no UUID', %{$first // {}},
            id => 'nonsense');
    }

    my $fresh = fresh($op);

    for my $p (grep { $_->{in} eq 'query' } @{$op->{parameters}}) {
        for my $bad ($api->bad_values($p->{schema}, 1),
                     $p->{name} eq 'cursor' ? '!' : ())
        {
            my $res = ask($op, 400, "$p->{name} \"$bad\"",
                          query => query($p->{name}, $bad), id => $fresh);
            is($res->{json}{error}{details}{field}, $p->{name},
               "$op->{method} $op->{path} 400 names $p->{name}");
        }
    }

    for my $type (sort keys %$content) {
        check_bad_bodies($op, $type, $content->{$type});
    }

    ask($op, 400, 'eleven members',
        query => join '&', map { "payload.m$_=1" } 1 .. 11)
        if grep { $_->{name} eq 'members' } @{$op->{parameters}};
}


sub check_bad_bodies {
    my ($op, $type, $media) = @_;
    my ($schema) = $api->resolve($media->{schema});
    my $examples = $api->examples($media);
    my ($name) = sort keys %$examples;
    my $id = fresh($op);
    my %args = (id => $id, 'Content-Type' => $type);

    return check_bad_binary($op, $examples->{$name}) if $type =~ /\*/;

    ask($op, 400, "$type: $_", %args, body => $_)
        for '{', '17', '{} {}', "\"\xff\"",
            $op->{spec}{requestBody}{required} ? '' : ();

    if (($schema->{type} // '') eq 'array') {
        ask($op, 400, "$type: no items", %args, body => '[]');
        ask($op, 400, "$type: no object in it", %args, body => '[17]');
        return;
    }

    my @extensions = $type =~ /cloudevents/
        ? (['an extension that is an object', { ext => {} }],
           ['a name that is no attribute\'s', { No_Name => 'x' }]) : ();

    $_->[1] = { %{$examples->{$name}}, %{$_->[1]} } for @extensions;

    ask($op, 400, "$type: $_->[0]", %args, body => $JSON->encode($_->[1]))
        for ['an array', []], @extensions,
            $api->bad_bodies($media->{schema}, $examples->{$name});
}


sub check_bad_binary {
    my ($op, $data) = @_;
    my %headers = binary($op);
    my $body = $JSON->encode($data);

    for my $name (qw( ce-id ce-source ce-type )) {
        my %without = %headers;
        delete $without{$name};
        ask($op, 400, "binary without $name", %without, body => $body);
    }

    for my $bad (['ce-specversion', '0.3'], ['ce-time', 'nonsense'],
                 ['ce-type', 'x' x 101], ['ce-id', 'x' x 256])
    {
        ask($op, 400, "binary with $bad->[0] " . substr($bad->[1], 0, 9),
            %headers, $bad->[0] => $bad->[1], body => $body);
    }
}


# Every form of the header is the same key; what is sent again is replayed,
# what is not the same is refused.

sub check_idempotency {
    my ($id) = @_;
    my ($op) = grep { $_->{id} eq $id } @operations;
    my ($p) = grep { $_->{name} eq 'Idempotency-Key' } @{$op->{parameters}};
    my $examples = $api->examples($p);
    my $status = $op->{spec}{responses}{201} ? 201 : 200;
    my %args = (key => "once-$id-key", body => $Event);
    my $first;

    for my $name (sort keys %$examples) {
        my $res = ask($op, $status, "idempotency key, $name", %args,
                      'Idempotency-Key' => $examples->{$name});

        is($res->{headers}{'idempotent-replayed'}, $first ? 'true' : undef,
           "$id, $name: replayed or not");
        is($res->{json}{event_id}, $first->{json}{event_id},
           "$id, $name: the first event") if $first;

        $first //= $res;
    }

    ask($op, 422, 'the key of another event', %args,
        body => '{"event_type":"openapi.other","payload":{}}',
        'Idempotency-Key' => $examples->{quoted});

    ask($op, 400, "idempotency key " . substr($_, 0, 9), %args,
        'Idempotency-Key' => $_)
        for '""', 'x' x 256, '"open', "\"\xe9\"";
}


# An item of a batch has a result of its own.

sub check_batches {
    my %op = map { $_->{id} => $_ } @operations;
    my $json = 'application/json';
    my $known = fresh_event();
    my $res = ask($op{acknowledgeEvents}, 200, 'known, unknown, twice, no id',
                  'Content-Type' => $json,
                  body => sprintf('{"event_ids":["%s","%s","%s","x"]}',
                                  $known, $Unknown, $known));

    is(counts($res), '1 3', 'POST /v1/events/acknowledge/batch: its counts');

    $res = ask($op{createEvents}, 400, 'no valid item',
               'Content-Type' => $json, body => '{"events":[{},17]}');

    is(counts($res), '0 2', 'POST /v1/events/batch: its counts');

    ask($_, 400, 'more items than there may be', 'Content-Type' => $json,
        body => $_->{id} eq 'createEvents'
                ? '{"events":[' . join(',', ($Event) x 1001) . ']}'
                : '{"event_ids":[' . join(',', (qq("$known")) x 1001) . ']}')
        for @op{qw( createEvents acknowledgeEvents )};

    ask($op{$_}, 400, 'a batch of nothing valid',
        'Content-Type' => 'application/cloudevents-batch+json',
        body => '[{"specversion":"1.0"}]') for qw( createEvent createEventV1 );
}


sub counts {
    my ($res) = @_;
    return join ' ', map { $res->{json}{$_} // 'none' }
                     qw( success_count failure_count );
}


# What a key may not give away, and values that no schema can describe.

sub check_keys {
    my %op = map { $_->{id} => $_ } @operations;
    my $id = fresh_key()->{key_id} // $Unknown;
    my %json = ('Content-Type' => 'application/json');

    for my $more ('"scopes":["admin"]', '"scopes":["logs:read"]',
                  '"rate_limit":0', '"rate_limit":100001')
    {
        ask($op{createKey}, 403, $more, %json, body => qq({"name":"x",$more}));
        ask($op{updateKey}, 403, $more, %json, id => $id, body => "{$more}");
    }

    ask($op{createKey}, 403, 'another user', %json,
        body => '{"name":"x","user_id":"bob"}');

    for my $bad ('"allowed_ips":["x"]', '"allowed_ips":["192.0.2.0/33"]') {
        ask($op{createKey}, 400, $bad, %json, body => qq({"name":"x",$bad}));
        ask($op{updateKey}, 400, $bad, %json, id => $id, body => "{$bad}");
    }

    ask($op{revokeKey}, 200, 'once', id => $id);
    ask($op{revokeKey}, 200, 'and again', id => $id);
}


sub check_head {
    my ($op) = @_;
    my %get = map { $_->{id} => $_ } grep { $_->{path} eq $op->{path} }
              @operations;

    ask($op, 200, 'plain', id => fresh($op));
    ask($op, 401, 'no key', id => fresh($op), key => undef) if $op->{scope};
    ask($op, 503, 'a store that is not there', id => fresh($op),
        base => '/broken') if !$Exempt{"$op->{id} 5XX"};
}


sub check_options {
    my ($op) = @_;

    ask($op, 204, 'without CORS', id => fresh($op), key => undef);

    my $res = ask($op, 204, 'of CORS', id => fresh($op), key => undef,
                  base => '/cors',
                  map { ($_->{name} => $_->{example}) }
                  grep { $_->{name} =~ /^[OA]/ } @{$op->{parameters}});
    my $spec = ($api->response($op, 204))[0];

    is(join(' ', grep { !defined $res->{headers}{lc $_} }
                 sort keys %{$spec->{headers}}), 'Allow',
       "OPTIONS $op->{path} of CORS: all headers but that");
}


sub check_document {
    open my $in, '<', $Triggers::OpenAPI::File or die $!;
    my $text = do { local $/; <$in> };
    my $res = $t->get('/openapi.yaml', key => undef);

    ok($res->{body} eq $text, 'the document that is served is this one');
}


# Methods that a path has not.

sub check_methods {
    my %paths;

    push @{$paths{$_->{path}}}, $_ for @operations;

    for my $path (sort keys %paths) {
        my %has = map { $_->{method} => $_ } @{$paths{$path}};
        my $expected = join ', ', grep { $_ ne 'OPTIONS' } sort keys %has;

        for my $method (grep { !$has{$_} } qw( GET POST PUT PATCH DELETE )) {
            my $res = ask({ %{$paths{$path}[0]}, method => $method }, 405,
                          'another method', id => $Unknown);
            my $allow = join ', ', grep { $_ ne 'OPTIONS' } sort
                        split /, */, $res->{headers}{allow} // '';

            is($allow, $expected, "$method $path: the methods there are");
            $seen{$_->{id}}{'4XX'}++ for @{$paths{$path}};
        }
    }
}


# Every body has an example, and every example is as its schema wants it.

sub check_examples {
    for my $op (@operations) {
        my @media = [$op->{pointer} . '/requestBody',
                     $op->{spec}{requestBody}];

        for my $status (sort keys %{$op->{spec}{responses}}) {
            my ($spec, $pointer) = $api->response($op, $status);
            push @media, [$pointer, $spec];
        }

        for (@media) {
            my ($pointer, $spec) = @$_;

            for my $type (sort keys %{($spec // {})->{content} // {}}) {
                my $examples = $api->examples($spec->{content}{$type});
                my $at = "$pointer/content/"
                         . $type =~ s{/}{~1}gr =~ s{\+}{%2B}gr . '/schema';
                my @wrong = map { $api->check($at, $JSON->encode($_)) }
                            values %$examples;

                ok(%$examples && !@wrong, "examples of $at")
                    or diag(map { "  $_\n" } @wrong);
            }
        }
    }
}


# The table of the router and the document name the same routes.

sub check_routes {
    my $file = "$Triggers::Nginx::Root/src/api/ngx_http_triggers_router.c";
    open my $in, '<', $file or die "$file: $!";
    my $source = do { local $/; <$in> };
    my @rows;
    my @described = map { "$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr }
                    grep { $_->{method} !~ /^(?:HEAD|OPTIONS)$/ }
                    @operations;

    while ($source =~ /\{\s*NGX_HTTP_(\w+),\s*ngx_string\("([^"]+)"\)/g) {
        push @rows, "$1 " . $2 =~ s/\{\w+\}/{}/gr;
    }

    my %described = map { $_ => 1 } @described;
    my %routed = map { $_ => 1 } @rows;

    is(join("\n", grep { !$described{$_} } sort @rows), '',
       'every route of the router is described');
    is(join("\n", grep { !$routed{$_} } sort @described), '',
       'every operation that is described has a route');
}


sub check_coverage {
    for my $op (@operations) {
        my @missing = grep { !$seen{$op->{id}}{$_} && !$Exempt{$_}
                             && !$Exempt{"$op->{id} $_"} }
                      sort keys %{$op->{spec}{responses}};

        is("@missing", '', "$op->{method} $op->{path} gave every answer");
    }
}
