package Test::Nginx::Util;

# The server side of our stand-in for OpenResty's Test::Nginx: one nginx at a
# time under a servroot, made from the sections of a block, and the settings
# that tests and the environment change.  Only what our tests use is here,
# with the meaning it has in the real module; the runner puts this folder into
# @INC where the real one is missing.

use strict;
use warnings;

use base 'Exporter';

use File::Path qw( make_path remove_tree );
use File::Spec ();
use List::Util qw( shuffle );
use POSIX qw( SIGKILL SIGQUIT SIGTERM WNOHANG );
use Scalar::Util qw( looks_like_number );
use Test::More ();
use Time::HiRes qw( sleep );
use Triggers::Port ();

our $VERSION = '0.33';

our @EXPORT = qw(
    $ServerAddr $ServerName $ServerPort $ServerPortForClient $RunTestHelper
    $CheckErrorLog access_log_data add_block_preprocessor
    add_cleanup_handler add_test_cleanup_handler bail_out
    check_accum_error_log config_preamble env_to_nginx error_log_data
    expand_env_in_text html_dir is_running log_level master_off master_on
    master_process_enabled no_long_string no_nginx_manager no_root_location
    no_shuffle parse_headers parse_time repeat_each run_tests server_addr
    server_name server_port server_port_for_client server_root sleep_time
    timeout trim verbose worker_connections workers
);

our $RunTestHelper;
our $CheckErrorLog;
our $RandPorts = {};

our $ServerAddr = '127.0.0.1';
our $ServerName = 'localhost';
our $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
                  || 1984;
our $ServerPortForClient = $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort;

my $Binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $LoadModules = $ENV{TEST_NGINX_LOAD_MODULES} || '';
our $LogLevel = $ENV{TEST_NGINX_LOG_LEVEL} || 'debug';
my $Master = $ENV{TEST_NGINX_MASTER_PROCESS} || 'off';
my $NoManager = $ENV{TEST_NGINX_NO_NGINX_MANAGER} || 0;
my $NoShuffle = $ENV{TEST_NGINX_NO_SHUFFLE} || 0;
my $Randomize = $ENV{TEST_NGINX_RANDOMIZE};
my $Sleep = $ENV{TEST_NGINX_SLEEP} || 0.015;
my $Timeout = $ENV{TEST_NGINX_TIMEOUT} || 3;
my $Verbose = $ENV{TEST_NGINX_VERBOSE};
my $AccumErrorLog = $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG};

my $RepeatEach = 1;
my $Workers = 1;
my $WorkerConnections = 64;
my $NoRootLocation = 0;
my $ConfigPreamble = '';

my (@BlockPreprocessors, @CleanupHandlers, @TestCleanupHandlers, @EnvToNginx);
my $ErrLogPos = 0;
my $Started;

if ($Randomize) {
    $ServerPort = Triggers::Port::free();
    $ServerPortForClient = $ServerPort;
}

our $ServRoot = $Randomize
                ? File::Spec->rel2abs("t/servroot_$ServerPort")
                : $ENV{TEST_NGINX_SERVROOT}
                  || File::Spec->rel2abs('t/servroot');

our $LogDir = "$ServRoot/logs";
our $ErrLogFile = "$LogDir/error.log";
our $AccLogFile = "$LogDir/access.log";
our $HtmlDir = "$ServRoot/html";
our $ConfDir = "$ServRoot/conf";
our $ConfFile = "$ConfDir/nginx.conf";
our $PidFile = "$LogDir/nginx.pid";

$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;


# settings: called with a value they set it, without one they return it

sub server_addr      { $ServerAddr = shift if @_; $ServerAddr }
sub server_name      { $ServerName = shift if @_; $ServerName }
sub server_port      { $ServerPort = shift if @_; $ServerPort }
sub server_port_for_client
    { $ServerPortForClient = shift if @_; $ServerPortForClient }
sub timeout          { $Timeout = shift if @_; $Timeout }
sub repeat_each      { $RepeatEach = shift if @_; $RepeatEach }
sub workers          { $Workers = shift if @_; $Workers }
sub worker_connections
    { $WorkerConnections = shift if @_; $WorkerConnections }
sub log_level        { $LogLevel = shift if @_; $LogLevel }
sub master_process_enabled
    { $Master = shift() ? 'on' : 'off' if @_; $Master }
sub master_on        { $Master = 'on' }
sub master_off       { $Master = 'off' }
sub no_shuffle       { $NoShuffle = 1 }
sub no_root_location { $NoRootLocation = 1 }
sub no_nginx_manager { $NoManager = 1 }
sub no_long_string   { }
sub check_accum_error_log { $AccumErrorLog = 1 }
sub config_preamble  { $ConfigPreamble = shift }
sub env_to_nginx     { push @EnvToNginx, @_ }
sub html_dir         { $HtmlDir }
sub server_root      { $ServRoot }
sub sleep_time       { $Sleep }
sub verbose          { $Verbose }

sub add_block_preprocessor(&) { unshift @BlockPreprocessors, shift }
sub add_cleanup_handler       { unshift @CleanupHandlers, shift }
sub add_test_cleanup_handler  { unshift @TestCleanupHandlers, shift }


sub run_tests {
    my @blocks = Test::Base::blocks();

    nginx_version();

    $ENV{TEST_NGINX_SERVER_PORT} = $ServerPort
        if !defined $ENV{TEST_NGINX_SERVER_PORT};

    @blocks = shuffle(@blocks) unless $NoShuffle;

    for my $block (@blocks) {
        $_->($block) for @BlockPreprocessors;

        $block->set_value('name', $0 . ' ' . $block->name);

        run_test($block);

        $_->($block) for @TestCleanupHandlers;
    }

    cleanup();
}


sub run_test {
    my ($block) = @_;
    my $name = $block->name;

    $RandPorts = {};

    local $LogLevel = $block->log_level if $block->log_level;

    my $config = expand_env_in_text(scalar $block->config, $name, $RandPorts);
    my ($skip, $skip_count, $reason) = skip_reason($block);

    if (!$skip && !$NoManager) {
        if (defined $config) {
            stop_server($name);
            setup_server_root($block, $config);
            return if !start_server($block);
            $Started = 1;

        } elsif (!$Started) {
            bail_out("$name - no --- config section and no server running");
        }
    }

    if ($block->init) {
        eval $block->init;
        bail_out("$name - init failed: $@") if $@;
    }

    $ErrLogPos = 0;

    for my $i (0 .. $RepeatEach - 1) {
        if ($skip) {
            SKIP: {
                Test::More::skip("$name - $reason", $skip_count);
            }

        } else {
            $RunTestHelper->($block, $i);
        }
    }
}


sub skip_reason {
    my ($block) = @_;
    my $name = $block->name;

    if (defined(my $spec = $block->skip_eval)) {
        $spec =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - invalid --- skip_eval spec: $spec");
        my ($count, $code) = ($1, $2);
        my $skip = eval $code;
        bail_out("$name - skip_eval failed: $@") if $@;
        return ($skip, $count, 'skip_eval');
    }

    if (defined(my $spec = $block->skip_nginx)) {
        $spec =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+)\.(\d+)\.(\d+)
                  (?:\s*:\s*(.*))?\s*$/x
            or bail_out("$name - invalid --- skip_nginx spec: $spec");
        my ($count, $op, $version, $why) = ($1, $2, "$3.$4.$5", $6);
        my ($is, $than) = map { sprintf '%d.%03d%03d', split /\./ }
                          nginx_version(), $version;
        my $skip = eval "$is $op $than";
        return ($skip, $count, $why || "nginx version $op $version");
    }

    return;
}


# True when there is a server to talk to; with --- must_die all checks of the
# block are made here.

sub start_server {
    my ($block) = @_;
    my $name = $block->name;
    my $cmd = "$Binary -e $ErrLogFile -p $ServRoot/ -c $ConfFile >/dev/null";

    $cmd .= ' 2>/dev/null' if defined $block->suppress_stderr;

    if (defined $block->must_die) {
        must_die($block, $cmd) for 1 .. $RepeatEach;
        return;
    }

    # the port of the server before may still be bound

    for my $try (1 .. 30) {
        $ErrLogPos = 0;
        return 1 if system($cmd) == 0;
        sleep($try < 10 ? 0.1 * $try : 1);
    }

    bail_out("$name - cannot start nginx with \"$cmd\"");
}


sub must_die {
    my ($block, $cmd) = @_;
    my $name = $block->name;
    my $must_die = $block->must_die;

    $ErrLogPos = 0;
    my $status = system($cmd);

    if ($status == -1) {
        Test::More::fail("$name - failed to execute nginx");

    } elsif ($status & 255) {
        Test::More::fail("$name - nginx was killed by a signal");

    } elsif (looks_like_number($must_die)) {
        Test::More::is($status >> 8, $must_die,
                       "$name - die with the expected exit code");

    } else {
        Test::More::isnt($status, 0, "$name - die as expected");
    }

    $CheckErrorLog->($block, 0);

    stop_server($name) if $status == 0;
}


sub stop_server {
    my ($name) = @_;
    my $pid = running_pid() or return;

    kill($ENV{TEST_NGINX_FAST_SHUTDOWN} ? SIGTERM : SIGQUIT, $pid);

    return if gone($pid, $Timeout);

    warn "$name - timeout when waiting for the process $pid to exit\n";

    kill SIGTERM, $pid;
    return if gone($pid, 2);

    warn "$name - killing the process $pid with force\n";

    kill SIGKILL, getpgrp($pid) == $pid ? -$pid : $pid;
    gone($pid, 2);
}


# the pid file goes away a moment after nginx says that it started, or never
# when nginx was killed

sub running_pid {
    open my $in, '<', $PidFile or return;
    my $pid = <$in>;
    return if !defined $pid || $pid !~ /^(\d+)/;
    return is_running($1) ? $1 : undef;
}


sub gone {
    my ($pid, $limit) = @_;

    for (my $step = 0.01; $limit > 0; $limit -= $step) {
        waitpid($pid, WNOHANG);
        return 1 if !is_running($pid);
        sleep $step;
    }

    return;
}


# a zombie, which an init that reaps rarely leaves for a while, is not running

sub is_running {
    my ($pid) = @_;

    return if !kill 0, $pid;

    open my $in, '<', "/proc/$pid/stat" or return kill 0, $pid;
    return (<$in> // '') !~ /\) Z /;
}


sub setup_server_root {
    my ($block, $config) = @_;
    my $name = $block->name;

    # The servroot may be a folder with a user's files by mistake: what we
    # did not make keeps it from being removed.

    if (-d $ServRoot) {
        remove_tree($ConfDir, $HtmlDir, $LogDir, glob("$ServRoot/*_temp"),
                    glob("$ServRoot/*_cache"), "$ServRoot/cache");
        rmdir $ServRoot
            or bail_out("cannot remove $ServRoot (not empty?): $!");
    }

    make_path($LogDir, $HtmlDir, $ConfDir);

    write_file("$HtmlDir/index.html", '<html><head><title>It works!</title>'
               . '</head><body>It works!</body></html>');

    if ($block->post_setup_server_root) {
        eval $block->post_setup_server_root;
        bail_out("$name - post_setup_server_root failed: $@") if $@;
    }

    write_user_files($block);
    write_file($ConfFile, server_config($block, $config));
}


sub write_user_files {
    my ($block) = @_;
    my $files = $block->user_files or return;

    if (!ref $files) {
        my @list;

        for my $line (split /^/, $files) {
            if ($line =~ /^>>> (\S+)(?:\s+(.+))?/) {
                push @list, [$1, '', $2];

            } elsif (@list) {
                $list[-1][1] .= $line;
            }
        }

        $files = \@list;
    }

    for my $file (@$files) {
        my ($path, $body, $date) = @$file;

        $path = "$HtmlDir/$path" if $path !~ m{^/};
        make_path($path =~ m{(.*)/});

        write_file($path, expand_env_in_text($body // '', $block->name,
                                             $RandPorts));

        system("TZ=GMT touch -t '$date' $path") == 0
            or bail_out("touch $path failed") if $date;
    }
}


sub server_config {
    my ($block, $config) = @_;
    my ($main, $http, $post_main) =
        map { expand_env_in_text($_ // '', $block->name, $RandPorts) }
        scalar $block->main_config, scalar $block->http_config,
        scalar $block->post_main_config;
    my $name = $block->server_name // $ServerName;
    my $env = join '', map { "env $_;\n" }
              qw( LD_PRELOAD LD_LIBRARY_PATH ASAN_OPTIONS ), @EnvToNginx;
    my $modules = join ' ', map { "load_module $_;" } split ' ', $LoadModules;
    my $temp = join ' ', map { "${_}_temp_path $ServRoot/${_}_temp;" }
               grep { $http !~ /\b${_}_temp_path\b/ }
               qw( client_body proxy fastcgi scgi uwsgi );
    my $user = $> == 0 ? "user root;\n" : '';
    my $root = $NoRootLocation ? '' : <<"END";
        location / {
            root $HtmlDir;
            index index.html index.htm;
        }
END

    $name =~ s/([\\'])/\\$1/g;

    return <<"END";
worker_processes  $Workers;
daemon on;
master_process $Master;
error_log $ErrLogFile $LogLevel;
pid       $PidFile;
$env
$modules $main

http {
    access_log $AccLogFile; $temp

    default_type text/plain;
    keepalive_timeout  68000ms;

$http
    server {
        listen          $ServerPort;
        server_name     '$name';

        client_max_body_size 30M;

        # Begin preamble config...
$ConfigPreamble
        # End preamble config...

        # Begin test case config...
$config
        # End test case config.

$root    }
}

$post_main

events {
    accept_mutex off;

    worker_connections  $WorkerConnections;
}
$user
END
}


sub write_file {
    my ($path, $body) = @_;

    open my $out, '>', $path or bail_out("cannot open $path: $!");
    binmode $out;
    print $out $body;
    close $out or bail_out("cannot write $path: $!");
}


# replaces $TEST_NGINX_* by the environment's value and $TEST_NGINX_RAND_PORT_N
# by a free port that stays the same within a block

sub expand_env_in_text {
    my ($text, $name, $ports) = @_;

    return if !defined $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $var = $1;
        $var =~ /^TEST_NGINX_RAND_PORT_\d+$/
            ? $ports->{$var} //= Triggers::Port::free()
            : $ENV{$var} // bail_out("$name - no environment $var defined");
    }eg;

    return $text;
}


# lines of the log since the last call in this block

sub error_log_data {
    sleep $Sleep * 3;

    open my $in, '<', $ErrLogFile or return;
    seek $in, $ErrLogPos, 0 if !$AccumErrorLog && $ErrLogPos > 0;

    my @lines = <$in>;

    $ErrLogPos = tell $in if !$AccumErrorLog;

    return \@lines;
}


sub access_log_data {
    sleep $Sleep * 3;

    open my $in, '<', $AccLogFile or die "open $AccLogFile failed: $!";
    return [<$in>];
}


sub parse_time {
    my ($time) = @_;

    return if !defined $time;
    return $1 / 1000 if $time =~ /^\s*([\d.]+)ms\s*$/;
    return $1 if $time =~ /^\s*([\d.]+)s?\s*$/;
    return $time;
}


# "! Name" stands for a header that must not be there: undef

sub parse_headers {
    my ($text) = @_;
    my %headers;

    for (split /\n/, $text) {
        s/^\s+|\s+$//g;

        if (s/^!\s*//) {
            $headers{$_} = undef;

        } else {
            my ($key, $value) = split /\s*:\s*/, $_, 2;
            $headers{$key} = $value;
        }
    }

    return \%headers;
}


sub trim {
    my ($text) = @_;

    return if !defined $text;

    $text =~ s/^\s+|\s+$//g;
    $text =~ s/\s+/ /g;

    return $text;
}


my $Version;

sub nginx_version {
    return $Version if defined $Version;

    my $out = `$Binary -V 2>&1` // '';

    bail_out("cannot run \"$Binary -V\": $out") if $? != 0;
    bail_out("no version in the output of \"$Binary -V\": $out")
        if $out !~ m{\w+/(\d+\.\d+\.\d+)};

    return $Version = $1;
}


sub bail_out {
    cleanup();
    Test::More::BAIL_OUT(@_);
}


sub cleanup {
    $_->() for splice @CleanupHandlers;
}


my $Pid = $$;

END {
    if ($$ == $Pid) {
        local $?;

        cleanup();

        if (!$ENV{TEST_NGINX_NO_CLEAN}) {
            stop_server('END');
            remove_tree($ServRoot) if $Randomize && -d $ServRoot;
        }
    }
}


1;
