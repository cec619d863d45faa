package Test::Nginx::Socket;

# The client side of our stand-in for OpenResty's Test::Nginx::Socket: sends
# the requests of a block over a socket and checks the answers and the logs.
# Sections that no test of ours uses are not known here.
#
# A block counts: one check of the code for every request; one for each
# body and raw header section and for each header named, for every request;
# one for each pattern of the logs, for every request; one for must_die.

use strict;
use warnings;

use Test::Base -base;

use Errno qw( EAGAIN );
use IO::Select;
use IO::Socket::INET;
use Test::Nginx::Util;
use Time::HiRes qw( sleep time );

our $VERSION = '0.33';

our @EXPORT = qw(
    add_block_preprocessor add_cleanup_handler add_test_cleanup_handler
    bail_out check_accum_error_log config_preamble env_to_nginx html_dir
    log_level master_off master_on master_process_enabled no_long_string
    no_nginx_manager no_root_location no_shuffle plan repeat_each run_tests
    server_addr server_name server_port server_port_for_client server_root
    timeout worker_connections workers
);

$RunTestHelper = \&run_test_helper;
$CheckErrorLog = \&check_error_log;


sub run_test_helper($$) {
    my ($block, $repeat) = @_;
    my $name = $block->name;
    my @requests = block_requests($block);
    my $pipelined = $block->pipelined_requests;
    my $answers = $pipelined ? @$pipelined : @requests;
    my $list = $pipelined || @requests > 1;
    my $raw = '';

    bail_out("$name - request empty") if !@requests;

    for my $i (0 .. $answers - 1) {
        my $request = $pipelined ? $requests[0] : $requests[$i];

        $raw = send_request($block, $request) if !$pipelined || $i == 0;

        if (!defined $block->ignore_response) {
            my $head = $request->[0]{value} =~ /^\s*HEAD\s/;
            my $res = parse_response($name, $raw, $head);

            if ($pipelined) {
                $raw = $res->{left};

            } elsif ($res->{left} ne '') {
                warn "WARNING: $name - unexpected extra bytes after the "
                     . "response: \"$res->{left}\"\n";
            }

            check_error_code($block, $res, $i, $list);
            check_raw_headers($block, $res, $i, $list);
            check_headers($block, $res, $i, $list);
            filter_body($block, $res);
            check_body($block, $res, $i, $list);
        }

        sleep $block->wait if $block->wait;

        check_error_log($block, $repeat);
        check_access_log($block) if !defined $block->ignore_response;
    }
}


# a list of requests, each a list of packets { value, delay_before }

sub block_requests($) {
    my ($block) = @_;
    my $name = $block->name;

    if (defined(my $raw = $block->raw_request)) {
        return [map { { value => $_ } } ref $raw ? @$raw : $raw];
    }

    if (my $requests = $block->pipelined_requests) {
        ref $requests eq 'ARRAY'
            or bail_out("$name - --- pipelined_requests is not a list");

        my $all = '';

        for my $i (0 .. $#$requests) {
            my $text = Test::Nginx::Util::expand_env_in_text(
                $requests->[$i], $name, $Test::Nginx::Util::RandPorts);
            $all .= $_->{value} for build_request($block, $text, $i,
                $i < $#$requests ? 'keep-alive' : 'close');
        }

        return [{ value => $all }];
    }

    my $request = $block->request;

    return if !defined $request;

    if (!ref $request) {
        $request =~ s/^(?:\s*\#[^\n]+\s+|\s+)+//;
        return [build_request($block, $request, 0, 'close')];
    }

    return map { [build_request($block, $request->[$_], $_, 'close')] }
           0 .. $#$request;
}


# Adds the version and the headers to a request "METHOD [URI [VERSION]]" with
# a body below, which comes as a text or as a list of packets.

sub build_request($$$$) {
    my ($block, $request, $i, $connection) = @_;
    my @packets = map { ref $_ eq 'HASH' ? { %$_ } : { value => $_ } }
                  ref $request ? @$request : $request;
    my $text = join '', map { $_->{value} } @packets;
    my $more = $block->more_headers // '';

    $text =~ /^(\s*(\S+)(?:[ ]+(\S+))?(?:[ ]+(\S+))?[ ]*\s*?(?:\n|$))(.*)/s
        or bail_out($block->name . " - bad request line in \"$text\"");

    my ($line, $method, $uri, $version, $body) = ($1, $2, $3, $4, $5);
    my ($headers, $chunked) = more_headers($block, $more, $i);
    my $cut = length $line;

    if (!$chunked && $body ne '' && $headers !~ /^Content-Length:/m) {
        $cut += length $1 if $body =~ s/^(\s+)//;
        $body =~ s/\s+$//;
        $headers .= 'Content-Length: ' . length($body) . "\r\n";
    }

    $headers = "Connection: $connection\r\n$headers"
        if $headers !~ /^Connection/mi;
    $headers = "Host: $ServerName\r\n$headers" if $headers !~ /^Host:/mi;

    $line = join(' ', $method, $uri // '/', $version // 'HTTP/1.1')
            . "\r\n$headers\r\n";

    # the packets keep their boundaries inside the body

    my $rest = length $body;

    for my $packet (@packets) {
        my $n = length $packet->{value};

        if ($cut >= $n && $packet != $packets[-1]) {
            $packet->{value} = $line;
            $line = '';
            $cut -= $n;
            next;
        }

        my $part = substr $packet->{value}, $cut;
        $part = substr $part, 0, $rest;
        $rest -= length $part;
        $cut = 0;
        $packet->{value} = $line . $part;
        $line = '';
    }

    return @packets;
}


sub more_headers($$$) {
    my ($block, $more, $i) = @_;
    my ($headers, $chunked) = ('', 0);

    if (ref $more) {
        defined $more->[$i]
            or bail_out($block->name . " - no --- more_headers of request $i");
        $more = $more->[$i];
    }

    for (split /\n+/, $more) {
        next if /^\s*\#/;

        my ($key, $value) = split /:\s*/, $_, 2;
        $value //= '';
        $chunked = 1 if lc $key eq 'transfer-encoding' && $value eq 'chunked';
        $headers .= "$key: $value\r\n";
    }

    return ($headers, $chunked);
}


# sends while it reads: a server may answer before it has read all

sub send_request($$) {
    my ($block, $packets) = @_;
    my $name = $block->name;
    my $timeout = parse_time(scalar $block->timeout) // timeout();
    my $sock = connect_server($name, $timeout) or return '';
    my @packets = @$packets;
    my $out = (shift @packets)->{value};
    my $answer = '';
    my $end;

    local $SIG{PIPE} = 'IGNORE';

    $sock->blocking(0);
    my $select = IO::Select->new($sock);

    for ( ;; ) {
        my $write = $out ne '' ? $select : undef;
        my ($readable, $writable) = IO::Select->select($select, $write, undef,
                                                       $timeout);

        if (!defined $readable) {
            close $sock;
            fail("ERROR: client socket timed out - $name")
                if !defined $block->abort;
            last;
        }

        if (@$readable) {
            my $n = sysread $sock, $answer, 65536, length $answer;
            last if defined $n && $n == 0 || !defined $n && $! != EAGAIN;
        }

        next if !@$writable || $out eq '';

        my $n = syswrite $sock, $out;

        if (!defined $n) {
            next if $! == EAGAIN;
            warn "write failed: $!\n";
            $out = '';
            next;
        }

        substr($out, 0, $n, '');
        next if $out ne '';

        if (my $next = shift @packets) {
            my $delay = $next->{delay_before}
                        // $block->raw_request_middle_delay;
            sleep $delay if $delay;
            $out = $next->{value};

        } elsif (defined(my $how = $block->shutdown)) {
            shutdown $sock, $how =~ /\d/ ? $how : 1 if !$end++;
        }
    }

    return $answer;
}


sub connect_server($$) {
    my ($name, $timeout) = @_;

    for my $try (1 .. 50) {
        my $sock = IO::Socket::INET->new(PeerAddr => $ServerAddr,
                                         PeerPort => $ServerPortForClient,
                                         Proto => 'tcp',
                                         Timeout => $timeout);
        return $sock if $sock;
        sleep($try < 20 ? 0.005 * $try : 0.2);
    }

    fail("$name - cannot connect to $ServerAddr:$ServerPortForClient: $!");
    return;
}


sub parse_response($$$) {
    my ($name, $raw, $head) = @_;
    my $res = { code => '', raw_headers => '', headers => {}, body => '',
                left => '' };

    return $res if $raw !~ m{^HTTP/\S+ (\d+)[^\r\n]*\r\n}
                   || $raw !~ /^(.*?\r\n)\r\n(.*)/s;

    ($res->{raw_headers}, my $rest) = ($1, $2);
    $res->{code} = $raw =~ /^\S+ (\d+)/ && $1;

    for ($res->{raw_headers} =~ /^([^:\s]+:[^\r\n]*)/mg) {
        my ($key, $value) = /^([^:]+):\s*(.*?)\s*$/;
        $key = lc $key;
        $res->{headers}{$key} = exists $res->{headers}{$key}
                                ? "$res->{headers}{$key}, $value" : $value;
    }

    if ($head || $res->{code} == 304 || $res->{code} == 204) {
        $res->{left} = $rest;

    } elsif (($res->{headers}{'transfer-encoding'} // '') eq 'chunked') {
        ($res->{body}, $res->{left}) = parse_chunks($name, $rest);

    } elsif (defined(my $length = $res->{headers}{'content-length'})) {
        warn "WARNING: $name - response body truncated: $length expected, "
             . 'but got ' . length($rest) . "\n"
            if length $rest < $length;

        $res->{body} = substr $rest, 0, $length;
        $res->{left} = length $rest > $length ? substr $rest, $length : '';

    } else {
        $res->{body} = $rest;
    }

    return $res;
}


sub parse_chunks($$) {
    my ($name, $rest) = @_;
    my $body = '';

    while ($rest =~ s/^[ \t]*([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1;

        if ($size == 0) {
            $rest =~ s/^\r\n// or last;
            return ($body, $rest);
        }

        last if length $rest < $size + 2;

        $body .= substr $rest, 0, $size, '';
        $rest =~ s/^\r\n// or last;
    }

    fail("$name - invalid chunked data received");
    return ($body, '');
}


# the value for this request: of several requests each has its own

sub indexed($$$$) {
    my ($name, $value, $i, $list) = @_;

    return ref $value eq 'ARRAY' ? $value->[0] : $value if !$list;

    ref $value eq 'ARRAY'
        or bail_out("$name - several requests need lists of expectations");

    return $value->[$i];
}


sub check_error_code($$$$) {
    my ($block, $res, $i, $list) = @_;
    my $name = $block->name;

    if (defined $block->error_code_like) {
        my $like = indexed($name, $block->error_code_like, $i, $list);
        like($res->{code}, qr/$like/sm, "$name - status code ok");
        return;
    }

    my $code = defined $block->error_code
               ? indexed($name, $block->error_code, $i, $list) : 200;

    is($res->{code}, $code, "$name - status code ok");
}


sub check_raw_headers($$$$) {
    my ($block, $res, $i, $list) = @_;
    my $name = $block->name;

    if (defined $block->raw_response_headers_like) {
        my $like = indexed($name, $block->raw_response_headers_like, $i,
                           $list);
        like($res->{raw_headers}, qr/$like/s, "$name - raw resp headers like");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $like = indexed($name, $block->raw_response_headers_unlike, $i,
                           $list);
        unlike($res->{raw_headers}, qr/$like/s,
               "$name - raw resp headers unlike");
    }
}


sub check_headers($$$$) {
    my ($block, $res, $i, $list) = @_;
    my $name = $block->name;
    my $like = !defined $block->response_headers;
    my $section = $like ? $block->response_headers_like
                  : $block->response_headers;

    return if !defined $section;

    my $headers = parse_headers(indexed($name, $section, $i, $list));

    for my $key (sort keys %$headers) {
        my $value = $headers->{$key};
        my $got = $res->{headers}{lc $key} // '';

        if ($like) {
            like($got, qr/^$value$/, "$name - header $key like ok");

        } elsif (!defined $value) {
            unlike($res->{raw_headers}, qr/^\s*\Q$key\E\s*:/ms,
                   "$name - header $key not present in the raw headers");

        } else {
            $value =~ s/\$ServerPort(?:ForClient)?\b/$ServerPort/g;
            is($got, $value, "$name - header $key ok");
        }
    }
}


sub filter_body($$) {
    my ($block, $res) = @_;
    my $filters = $block->response_body_filters;

    return if !defined $filters;

    for my $filter (ref $filters eq 'ARRAY' ? @$filters
                    : ref $filters ? $filters : split ' ', $filters)
    {
        $res->{body} = ref $filter ? $filter->($res->{body})
            : $filter eq 'length' ? length $res->{body}
            : $filter eq 'lc' ? lc $res->{body}
            : $filter eq 'uc' ? uc $res->{body}
            : bail_out($block->name . " - unknown filter \"$filter\"");
    }
}


sub check_body($$$$) {
    my ($block, $res, $i, $list) = @_;
    my $name = $block->name;

    if (defined $block->response_body) {
        my $expected = indexed($name, $block->response_body, $i, $list);

        if (ref $expected) {
            like($res->{body}, $expected, "$name - response_body - like");

        } else {
            $expected = Test::Nginx::Util::expand_env_in_text($expected,
                $name, $Test::Nginx::Util::RandPorts);
            $expected =~ s/\$ServerPort(?:ForClient)?\b/$ServerPort/g
                if defined $expected;
            is($res->{body}, $expected,
               "$name - response_body - response is expected");
        }

    } elsif (defined $block->response_body_like) {
        my $like = indexed($name, $block->response_body_like, $i, $list);
        like($res->{body}, qr/$like/s,
             "$name - response_body_like - response is expected ("
             . Test::Nginx::Util::trim($res->{body}) . ')');

    } elsif (defined $block->response_body_unlike) {
        my $like = indexed($name, $block->response_body_unlike, $i, $list);
        unlike($res->{body}, qr/$like/s,
               "$name - response_body_unlike - response is expected ("
               . Test::Nginx::Util::trim($res->{body}) . ')');
    }
}


# a section of patterns: lines are literal, an eval gives regular expressions

sub patterns($) {
    my ($section) = @_;

    return ref $section eq 'ARRAY' ? @$section
           : ref $section ? $section : split /\n+/, $section;
}


sub matches($$) {
    my ($line, $pattern) = @_;
    return ref $pattern ? $line =~ /$pattern/ : $line =~ /\Q$pattern\E/;
}


sub check_error_log($$) {
    my ($block, $repeat) = @_;
    my $name = $block->name;
    my $lines = error_log_data() // [];

    check_grep($block, $lines, $repeat);
    check_log($name, 'error.log', $lines, scalar $block->error_log,
              scalar $block->no_error_log, $repeat);

    my $expected = join "\n", map { patterns($_) } grep { defined }
                   scalar $block->error_log, scalar $block->no_error_log;

    for my $line (@$lines) {
        if ($line =~ /\[(alert|crit|emerg)\]/ && $expected !~ /\[$1/) {
            chomp $line;
            warn "WARNING: $name - $line\n";

        } elsif ($line =~ /\bAssertion .*?failed\b/) {
            chomp $line;
            fail("$name - $line");
        }
    }
}


sub check_access_log($) {
    my ($block) = @_;

    return if !defined $block->access_log && !defined $block->no_access_log;

    check_log($block->name, 'access.log', access_log_data(),
              scalar $block->access_log, scalar $block->no_access_log, 0);
}


sub check_log($$$$$$) {
    my ($name, $file, $lines, $must, $must_not, $repeat) = @_;

    for my $pattern (defined $must ? patterns($must) : ()) {
        next if !defined $pattern;
        ok(scalar(grep { matches($_, $pattern) } @$lines),
           "$name - pattern \"$pattern\" matches a line in $file "
           . "(req $repeat)");
    }

    for my $pattern (defined $must_not ? patterns($must_not) : ()) {
        next if !defined $pattern;
        my ($line) = grep { matches($_, $pattern) } @$lines;
        chomp $line if defined $line;
        ok(!defined $line, "$name - pattern \"$pattern\" does not match a "
           . "line in $file (req $repeat)"
           . (defined $line ? " but does: $line" : ''));
    }
}


sub check_grep($$$) {
    my ($block, $lines, $repeat) = @_;
    my $name = $block->name;
    my $pattern = $block->grep_error_log;
    my $expected = $block->grep_error_log_out;
    my $got = '';

    return if !defined $pattern && !defined $expected;

    bail_out("$name - --- grep_error_log and --- grep_error_log_out need "
             . 'each other') if !defined $pattern || !defined $expected;

    $pattern = $pattern->[$repeat] if ref $pattern eq 'ARRAY';
    $expected = $expected->[$repeat] if ref $expected eq 'ARRAY';

    for my $line (@$lines) {
        my $found = ref $pattern ? $line =~ /($pattern)/
                    : $line =~ /(\Q$pattern\E)/;
        $got .= "$1\n" if $found && $1 !~ /\n/;
    }

    if (ref $expected eq 'Regexp') {
        like($got, $expected, "$name - grep_error_log_out (req $repeat)");

    } else {
        is($got, $expected, "$name - grep_error_log_out (req $repeat)");
    }
}


1;
