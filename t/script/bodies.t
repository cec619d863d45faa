# The same event in every framing that HTTP has for a body, on both surfaces:
# what is accepted comes back byte for byte, what is refused is answered
# precisely and stores nothing, and the connection stays usable where it may.
# How bodies are read slowly and in files is in body.t, limits are in
# body_limits.t.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my $Limit = 20_000;

my $t = Triggers::Nginx->new(workers => 1, config => <<"END");
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m  body_memory=64k;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_event_max_size $Limit;

            location /buffer/ {
                triggers main prefix=/buffer;
                client_body_buffer_size 1k;
            }

            location /file/ {
                triggers main prefix=/file;
                client_body_in_file_only on;
                client_body_buffer_size 1k;
            }

            location /single/ {
                triggers main prefix=/single;
                client_body_in_single_buffer on;
                client_body_buffer_size 1k;
            }

            location /buffered/ {
                triggers main prefix=/buffered;
                client_body_in_file_only on;
                client_body_buffer_size 1k;
                mirror /copy;
            }

            location = /copy {
                internal;
                return 204;
            }
        }
    }
}
END

# nothing in it may be written in another way: spaces, escapes, numbers, UTF-8

my $Odd = "{ \"a\" :\t[1.0,1e2 , -0,\"\\u00e4\\/\xc3\xa4\xf0\x9f\x98\x80\"]"
          . ",\r\n\"a\":{}, \"\":\"\\ud83d\\ude00\" }";

# surface, location, name, version, headers, pieces, payload

my @accepted = map {
    my $v1 = $_;
    my $body = event($Odd);
    my $length = 'Content-Length: ' . length $body;
    my $large = payload($Limit - length event(''));

    my @cases = (
        ['one segment', '1.1', [$length], [$body]],
        ['small segments', '1.1', [$length], [unpack '(a3)*', $body]],
        ['HTTP/1.0', '1.0', [$length], [unpack '(a20)*', $body]],
        ['chunks of one byte', '1.1', [],
         [join '', chunks(1, $body), "0\r\n\r\n"]],
        ['odd chunks in odd segments', '1.1', [],
         [unpack '(a5)*', join '', chunks(7, $body), "0\r\n\r\n"]],
        ['chunk sizes with zeroes and upper case', '1.1', [],
         [sprintf "%08X\r\n%s\r\n00\r\n\r\n", length $body, $body]],
        ['chunk extensions', '1.1', [],
         [map({ s/\r\n/;name="v,;";x\r\n/r } chunks(31, $body)),
          "0;last\r\n\r\n"]],
        ['trailers', '1.1', ['Trailer: X-Sum'],
         [chunks(31, $body), "0\r\nX-Sum: 1\r\n", "Authorization: x\r\n",
          "\r\n"]],
        ['Expect', '1.1', [$length, 'Expect: 100-continue'], [$body]],
        ['Expect and chunks', '1.1', ['Expect: 100-continue'],
         [chunks(50, $body), "0\r\n\r\n"]],
        ['identity', '1.1', [$length, 'Content-Encoding: Identity'], [$body]],
        ['an empty content encoding', '1.1',
         [$length, 'Content-Encoding:'], [$body]],
        ['the first of two types', '1.1',
         [$length, 'Content-Type: application/json',
          'Content-Type: text/plain'], [$body]],
        ['white space around', '1.1',
         ['Content-Length: ' . length " \r\n\t$body\n"],
         [" \r\n\t$body\n"]],
    );

    push @$_, $Odd for @cases;

    push @cases,
        ['exactly the limit', '1.1', ["Content-Length: $Limit"],
         [event($large)], $large],
        ['exactly the limit, chunked', '1.1', [],
         [chunks(999, event($large)), "0\r\n\r\n"], $large],
        ['exactly the limit in segments', '1.1', ["Content-Length: $Limit"],
         [unpack '(a4999)*', event($large)], $large];

    my @locations = map { [$v1, '', @$_] } @cases;

    for my $location ('/buffer', '/file', '/single', '/buffered') {
        push @locations, map { [$v1, $location, @$_] }
                         @cases[0, 1, 4], @cases[-3 .. -1];
    }

    @locations;
} 0, 1;

my $nul = '{"event_type":"t","payload":{}}';

# status, name, headers, pieces; what nginx refuses itself has no JSON

my @refused = (
    [400, 'empty', ['Content-Length: 0'], []],
    [400, 'without length', [], []],
    [400, 'empty chunked', [undef], ["0\r\n\r\n"]],
    [400, 'white space', ['Content-Length: 4'], [" \r\n\t"]],
    [400, 'white space in chunks', [undef], [chunks(1, '   '), "0\r\n\r\n"]],
    [400, 'BOM', undef, ["\xef\xbb\xbf" . $nul]],
    [400, 'UTF-16', undef, [join '', map { "\0$_" } split //, $nul]],
    [400, 'NUL before', undef, ["\0$nul"]],
    [400, 'NUL behind', undef, ["$nul\0"]],
    [400, 'NUL between', undef, [$nul =~ s/,/,\0/r]],
    [400, 'NUL in a string', undef, [$nul =~ s/"t"/"t\0"/r]],
    [400, 'two events', undef, ["$nul$nul"]],
    [400, 'cut', undef, [substr $nul, 0, -1]],
    [413, 'limit + 1', undef, [event(payload($Limit + 1
                                             - length event('')))]],
    [413, 'limit + 1 of white space', undef,
     [$nul . ' ' x ($Limit + 1 - length $nul)]],
    [413, 'limit + 1, chunked', [undef],
     [chunks(999, event(payload($Limit + 1 - length event('')))),
      "0\r\n\r\n"]],
    [413, 'a length that is huge', ['Content-Length: 9223372036854775807'],
     []],
    [415, 'gzip', ['Content-Encoding: gzip', 'Content-Length: 4'],
     ["\x1f\x8b\x08\x00"]],
    [415, 'gzip that is none', ['Content-Encoding: gzip', 'Content-Length: '
                                . length $nul], [$nul]],
    [415, 'br, chunked', ['Content-Encoding: BR', undef],
     [chunks(9, $nul), "0\r\n\r\n"]],
    [415, 'two encodings', ['Content-Encoding: identity, gzip',
                            'Content-Length: ' . length $nul], [$nul]],
    [415, 'the second of two types', ['Content-Type: text/plain',
                                      'Content-Type: application/json',
                                      'Content-Length: ' . length $nul],
     [$nul]],
    [400, 'a bad chunk size', [undef], ["xyz\r\n$nul\r\n0\r\n\r\n"]],
    [400, 'a chunk size that is too large', [undef],
     ["ffffffffffffffffff\r\n$nul\r\n0\r\n\r\n"]],
    [400, 'a chunk that is longer than it says', [undef],
     ["3\r\n$nul\r\n0\r\n\r\n"]],
);

my %codes = (
    400 => ['INVALID_PAYLOAD', 'VALIDATION_ERROR'],
    413 => ['PAYLOAD_TOO_LARGE', 'PAYLOAD_TOO_LARGE'],
    415 => ['UNSUPPORTED_MEDIA_TYPE', 'UNSUPPORTED_MEDIA_TYPE'],
);

# what nginx answers before it knows the location

my @by_nginx = (
    [400, 'length and chunks', ['Content-Length: 3', undef], ["0\r\n\r\n"]],
    [400, 'two lengths', ['Content-Length: 3', 'Content-Length: 3'], ['{}']],
    [400, 'a negative length', ['Content-Length: -1'], []],
    [501, 'a transfer encoding', ['Transfer-Encoding: gzip, chunked'],
     ["0\r\n\r\n"]],
);

$t->plan(@accepted + 2 * @refused + @by_nginx + 29)->ready();

my ($Worker) = $t->workers();
my $stored = 0;

for my $case (@accepted) {
    my ($v1, $location, $name, $version, $headers, $pieces, $payload) = @$case;
    my $uri = $location . ($v1 ? '/v1/events' : '/events');
    my $res = send_body($uri, $version, $headers, $pieces);

    is(stored($res, $v1), $payload, "$uri $name");
    $stored++;
}

is(total(), $stored, 'each is there once');

for my $v1 (0, 1) {
    for my $case (@refused) {
        my ($status, $name, $headers, $pieces) = @$case;
        my $uri = $v1 ? '/v1/events' : '/events';

        $headers //= ['Content-Length: ' . length join '', @$pieces];

        my $res = send_body($uri, '1.1', $headers, $pieces);

        is("$res->{status} " . ($res->{json}{error}{code} // 'no code'),
           "$status $codes{$status}[$v1]", "$uri $name");
    }
}

for my $case (@by_nginx) {
    my ($status, $name, $headers, $pieces) = @$case;
    is(send_body('/events', '1.1', $headers, $pieces)->{status}, $status,
       $name);
}

my $sock;
my $res = send_body('/events', '1.0', [], [$nul]);
is("$res->{status} $res->{json}{error}{code}", '400 INVALID_PAYLOAD',
   'HTTP/1.0 without a length has no body');

$res = $t->post('/events', 'x', 'Content-Encoding' => 'gzip');
is($res->{headers}{'accept-encoding'}, 'identity',
   'a refused encoding says which is not');

is(total(), $stored, 'nothing of them is stored');

# a client that asks first is told at once, and not to go on

for my $case ([401, 'Authorization: Bearer nobody'],
              [413, "Content-Length: @{[ $Limit + 1 ]}"],
              [415, 'Content-Encoding: gzip'])
{
    my ($status, $header) = @$case;
    my @headers = ('Expect: 100-continue', 'Connection: close', $header);

    push @headers, 'Authorization: Bearer test-key' if $status != 401;
    push @headers, 'Content-Length: 30' if $status != 413;

    $sock = $t->http_start(head('/events', '1.1', @headers));
    sysread $sock, my $line, 12;
    is($line, "HTTP/1.1 $status", "$status rather than 100");
    close $sock;
}

# several requests in one segment: the answers come in their order

$sock = $t->connect();
my $large = event(payload(15_000));

print $sock join '', map { request($_) }
    event('{"n":1}'), '[]', event('{"n":2}'), $large, '', event('{"n":3}');

my @answers = map { http_read($sock) } 1 .. 6;

is(join(' ', map { $_->{status} } @answers), '201 400 201 201 400 201',
   'pipelined');
is(join(' ', map { stored($answers[$_], 1) } 0, 2, 5),
   '{"n":1} {"n":2} {"n":3}', 'in their order');
is(stored($answers[3], 1), payload(15_000), 'a large one among them');

# the same with bodies in chunks, each in several segments

$sock = $t->connect();

for my $piece (unpack '(a41)*', join '', map { request($_, 1) }
               event('{"n":4}'), '[]', event('{"n":5}'), event('{"n":6}'))
{
    syswrite $sock, $piece;
    sleep 0.001;
}

@answers = map { http_read($sock) } 1 .. 4;

is(join(' ', map { $_->{status} } @answers), '201 400 201 201',
   'pipelined in chunks');
is(join(' ', map { stored($answers[$_], 1) } 0, 2, 3),
   '{"n":4} {"n":5} {"n":6}', 'in their order');

# refused before the body is read: the body is not taken for a request

for my $case ([401, 'Authorization: Bearer nobody'],
              [415, 'Content-Encoding: gzip'],
              [415, 'Content-Type: text/plain'])
{
    my ($status, $header) = @$case;

    for my $chunked (0, 1) {
        $sock = $t->connect();
        my $text = request($large, $chunked, $header)
                   . request(event('{"n":7}'));

        for my $piece (unpack '(a3000)*', $text) {
            syswrite $sock, $piece;
            sleep 0.001;
        }

        is(join(' ', map { http_read($sock)->{status} } 1, 2), "$status 201",
           "$status and the next" . ($chunked ? ', chunked' : ''));
    }
}

$stored += 4 + 3 + 6;
is(total(), $stored, 'stored are those that were answered so');

# clients that leave in the middle: all the memory for bodies comes back

for my $chunked (0, 1) {
    for my $location ('', '/file', '/buffered') {
        my $text = request($large, $chunked) =~ s{/v1}{$location/v1}r;

        for (1 .. 8) {
            my $sock = $t->http_start(substr $text, 0, 9000);
            sleep 0.005;
            close $sock;
        }

        ok(wait_for(sub {
            my $n = open_bodies($large);
            $stored += $n;
            $n == 4;
        }), "clients of $location/v1 that left" . ($chunked ? ', chunked' : ''));
    }
}

is(total(), $stored, 'nothing of them is stored');

# HTTP/1.1 keeps the connection after a body in a file

$sock = $t->connect();
print $sock request($large) =~ s{/v1}{/buffered/v1}r, request($large);
is(join(' ', map { http_read($sock)->{status} } 1, 2), '201 201',
   'the next after a body in a file');
is(total(), $stored + 2, 'both are stored');

is("@{[ $t->workers() ]}", $Worker, 'the worker lives');


sub event {
    my ($payload) = @_;
    return "{\"event_type\":\"t\",\"payload\":$payload}";
}


# an object of so many bytes

sub payload {
    my ($size) = @_;
    return '{"t":"' . 'x' x ($size - 8) . '"}';
}


sub chunks {
    my ($size, $text) = @_;
    return map { sprintf "%x\r\n%s\r\n", length, $_ }
           unpack "(a$size)*", $text;
}


sub head {
    my ($uri, $version, @headers) = @_;
    return join("\r\n", "POST $uri HTTP/$version", 'Host: localhost',
                @headers, '', '');
}


# a pipelined request; what is given replaces the header of that name

sub request {
    my ($body, $chunked, $header) = @_;
    my @headers = $chunked ? 'Transfer-Encoding: chunked'
                           : 'Content-Length: ' . length $body;

    push @headers, 'Authorization: Bearer test-key'
        if !defined $header || $header !~ /^Authorization/;
    push @headers, $header if defined $header;

    return head('/v1/events', '1.1', @headers)
           . ($chunked ? join('', chunks(1000, $body), "0\r\n\r\n") : $body);
}


# undef among the headers, or no length at all with pieces, means chunks

sub send_body {
    my ($uri, $version, $headers, $pieces) = @_;
    my @headers = (map({ $_ // 'Transfer-Encoding: chunked' } @$headers),
                   'Authorization: Bearer test-key', 'Connection: close');

    push @headers, 'Transfer-Encoding: chunked'
        if $version eq '1.1' && @$pieces
           && !grep { /^(?:Content-Length|Transfer-Encoding)/ } @headers;

    local $SIG{PIPE} = 'IGNORE';
    my $sock = $t->http_start(head($uri, $version, @headers));

    IO::Select->new($sock)->can_read(10) if grep { /^Expect/ } @headers;

    for my $piece (@$pieces) {
        syswrite $sock, $piece or last;
        sleep 0.0005 if @$pieces > 1;
    }

    return http_end($sock);
}


# the payload's bytes as the API returns them, or what there is instead

sub stored {
    my ($res, $v1) = @_;

    return "$res->{status} $res->{body}"
        if $res->{status} ne ($v1 ? 201 : 200);

    my $body = $t->get("/v1/events/$res->{json}{event_id}")->{body};

    return $body =~ /"payload":(.*),"metadata":/s ? $1 : $body;
}


sub total {
    return $t->get('/inbox?status=all&limit=1')->{json}{total};
}


# how many of four bodies that are open at once, and need all of the memory
# but a little, are stored

sub open_bodies {
    my ($body) = @_;
    my $text = request($body);
    my @socks = map { $t->http_start(substr $text, 0, 9000) } 1 .. 4;

    sleep 0.02;
    print $_ substr $text, 9000 for @socks;

    return scalar grep { http_read($_)->{status} eq '201' } @socks;
}
