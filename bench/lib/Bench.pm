package Bench;

# What the benchmarks share: a private nginx under build/bench, runs of wrk
# against it, and a little arithmetic.
#
# Environment: BENCH_NGINX (the binary), BENCH_MODULE (the .so), BENCH_DIR
# (where the folder of the databases is made; default build/bench), BENCH_PORT.

use strict;
use warnings;

use base 'Exporter';

use Cwd qw( abs_path );
use File::Basename qw( dirname );
use File::Path qw( make_path remove_tree );
use IO::Socket::INET;
use List::Util qw( max min );
use Time::HiRes qw( sleep );

our @EXPORT = qw( max median min spread verdict );

our $Root = abs_path(dirname(__FILE__) . '/../..');
our $Key = 'bench-key';

my $Nginx = $ENV{BENCH_NGINX} || '/usr/sbin/nginx';
my $Module = $ENV{BENCH_MODULE} || "$Root/build/ngx_http_triggers_module.so";


# http: lines for the http block beside those that every benchmark has;
# stores: prefixes of the locations to wait for, default "/"; workers: number

sub new {
    my ($class, %args) = @_;
    my $self = bless {
        dir => "$Root/build/bench",
        data => ($ENV{BENCH_DIR} || "$Root/build/bench") . '/triggers-data',
        port => $ENV{BENCH_PORT} || 8089,
        workers => 2,
        owner => $$,
        %args,
    }, $class;

    remove_tree($self->{data}, { keep_root => 1 });
    make_path($self->{data}, map { "$self->{dir}/$_" } 'logs', 'temp');

    return $self;
}


sub start {
    my ($self) = @_;
    my $user = $> == 0 ? 'user root;' : '';
    my $http = $self->{http};

    $http =~ s/%DATA%/$self->{data}/g;
    $http =~ s/%PORT%/$self->{port}/g;

    $self->write("$self->{dir}/nginx.conf", <<"END");
load_module  $Module;
$user
worker_processes  $self->{workers};
worker_rlimit_nofile  8192;
pid  nginx.pid;
error_log  logs/error.log  notice;

events {
    worker_connections  2048;
}

http {
    client_body_temp_path  temp/body;
    proxy_temp_path        temp/proxy;
    fastcgi_temp_path      temp/fastcgi;
    uwsgi_temp_path        temp/uwsgi;
    scgi_temp_path         temp/scgi;

    access_log          off;
    keepalive_requests  1000000000;

    triggers_rate_limit  0;
    triggers_key  "$Key"  user=bench  scopes=admin;

$http
}
END

    unlink "$self->{dir}/logs/error.log";

    system($Nginx, '-p', "$self->{dir}/", '-e', 'logs/error.log',
           '-c', 'nginx.conf') == 0
        or die "nginx did not start: see $self->{dir}/logs/error.log\n";

    $self->{pid} = $self->read("$self->{dir}/nginx.pid") + 0;

    for my $url (@{$self->{stores} || ['/']}) {
        $self->wait_healthy($url);
    }

    return $self;
}


sub wait_healthy {
    my ($self, $prefix) = @_;

    for (1 .. 100) {
        return if $self->get("${prefix}v1/health") =~ m{^HTTP/1.1 200 };
        sleep 0.1;
    }

    die "the store behind $prefix is not healthy: see "
        . "$self->{dir}/logs/error.log\n";
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    kill 'QUIT', $pid;

    for (1 .. 300) {
        return if !kill 0, $pid;
        sleep 0.1;
    }

    kill 'TERM', $pid;
}


sub DESTROY {
    my ($self) = @_;

    local $?;

    if ($self->{owner} == $$) {
        $self->stop();
        remove_tree($self->{data}, { keep_root => 1 });
    }
}


sub workers {
    my ($self) = @_;

    return split ' ',
        $self->read("/proc/$self->{pid}/task/$self->{pid}/children");
}


# one run of wrk: its figures, latencies in microseconds; the kinds of requests
# are those of bench/wrk.lua

sub wrk {
    my ($self, $kind, $path, $connections, $seconds, $key) = @_;
    my $threads = min(2, $connections);
    my $url = "http://127.0.0.1:$self->{port}$path";

    $key ||= $Key;

    my $out = `wrk -t$threads -c$connections -d${seconds}s \\
                   -s '$Root/bench/wrk.lua' '$url' -- $kind $key 2>&1`;

    $out =~ /^figures: (.*)$/m or die "wrk failed: $out\n";

    my %f = map { split /=/ } split ' ', $1;

    $f{rate} = ($f{requests} - $f{refused}) / ($f{us} / 1e6);

    warn "$path: $f{refused} refused, $f{broken} broken of $f{requests}\n"
        if $f{refused} || $f{broken};

    return \%f;
}


# one request, with these headers, over a connection of its own: the answer, or
# "" without one

sub get {
    my ($self, $path, @headers) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $self->{port}) or return '';

    print $s "GET $path HTTP/1.1\r\nHost: bench\r\nX-API-Key: $Key\r\n"
             . join('', map { "$_\r\n" } @headers)
             . "Connection: close\r\n\r\n";

    local $/;
    return <$s> // '';
}


sub read {
    my ($self, $path) = @_;

    open my $f, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$f>;
}


sub write {
    my ($self, $path, $text) = @_;

    open my $f, '>', $path or die "$path: $!\n";
    print $f $text;
    close $f or die "$path: $!\n";
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return @sorted % 2 ? $sorted[@sorted / 2]
                       : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}


# the median, and the least and the most in brackets

sub spread {
    my ($format, @values) = @_;

    return sprintf "$format ($format-$format)", median(@values),
                   min(@values), max(@values);
}


sub verdict {
    my ($met) = @_;

    return $met ? 'met' : 'MISSED';
}


1;
