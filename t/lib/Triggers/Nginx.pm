package Triggers::Nginx;

# A private nginx for the script tests: its folder, configuration, processes,
# log and database, and a small HTTP client over plain sockets.
#
#     my $t = Triggers::Nginx->new(config => <<'END')->plan(3);
#     %%GLOBALS%%
#     ...
#     END
#     $t->start();
#     is($t->post('/events', '{"payload":{}}')->{status}, 200, 'posted');
#
# When the object goes away nginx is stopped and two checks are made, which
# plan() has counted: no [alert] or [emerg] in the log, no report of a
# sanitizer or valgrind.
#
# Environment: TRIGGERS_NGINX, TRIGGERS_MODULE, TRIGGERS_WORKERS,
# TRIGGERS_LOG_LEVEL, TRIGGERS_VALGRIND, TRIGGERS_ASAN, TRIGGERS_LEAVE (keeps
# the folder).

use strict;
use warnings;

use base 'Exporter';

use Cwd qw( abs_path );
use Errno qw( EINTR );
use File::Basename qw( dirname );
use File::Path qw( make_path );
use File::Temp qw( tempdir );
use IO::Select;
use IO::Socket::INET;
use IPC::Open2 qw( open2 );
use JSON::PP ();
use POSIX qw( WNOHANG );
use Scalar::Util qw( weaken );
use Socket qw( IPPROTO_TCP TCP_NODELAY );
use Test::More ();
use Time::HiRes qw( sleep time );
use Triggers::Port ();

our @EXPORT = qw( http_end http_start http_read wait_for );

our $Root = abs_path(dirname(__FILE__) . '/../../..');
our $Key = 'test-key';

# everything takes longer under a checker

our $Scale = $ENV{TRIGGERS_VALGRIND} ? 10 : $ENV{TRIGGERS_ASAN} ? 3 : 1;

# said by the master of a worker that a test has killed, and of the lock that
# it may have held

my $Killed = qr/worker\ process\ \d+\ exited\ on\ signal\ 9\b
                |shared\ memory\ zone\ "triggers_\w+"\ was\ locked\ by\ \d+/x;


my %Objects;


# workers: number; config: template, see expand(); checks: 0 makes none at the
# end; dir: a folder of the caller's, for a database that shall outlive this

sub new {
    my ($class, %args) = @_;
    my $self = bless {
        workers => $ENV{TRIGGERS_WORKERS} || 2,
        config => default_config(),
        checks => 1,
        allow => [],
        ports => {},
        owner => $$,
        %args,
    }, $class;

    $self->{dir} //= tempdir('triggers-XXXXXX', TMPDIR => 1,
                             CLEANUP => !$ENV{TRIGGERS_LEAVE});
    $self->{db} //= "$self->{dir}/events.db";

    make_path("$self->{dir}/reports");
    chmod 0755, $self->{dir};

    $self->write_config($self->{config});

    weaken($Objects{$self + 0} = $self);

    return $self;
}


sub default_config {
    return <<'END';
%%GLOBALS%%

events {
    worker_connections  4096;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    server {
        listen       127.0.0.1:%%PORT%%;
        server_name  localhost;

        location / {
            triggers main;
        }
    }
}
END
}


sub plan {
    my ($self, $tests) = @_;

    Test::More::plan(tests => $tests + 2);

    return $self;
}


sub write_config {
    my ($self, $template) = @_;

    $self->{config} = $template;
    $self->write('nginx.conf', $self->expand($template));
}


# %%GLOBALS%% and %%HTTP%% are what every configuration needs; %%DIR%%,
# %%DB%%, %%MODULE%%, %%PORT%%, %%PORT_n%% are paths and free ports

sub expand {
    my ($self, $text) = @_;
    my $dir = $self->{dir};
    my $level = $ENV{TRIGGERS_LOG_LEVEL} || 'info';
    my $user = $> == 0 ? 'user root;' : '';
    my %vars = (
        DIR => $dir,
        DB => $self->{db},
        MODULE => module(),
        GLOBALS => <<"END",
load_module @{[ module() ]};
worker_processes  $self->{workers};
daemon            off;
pid               $dir/nginx.pid;
error_log         $dir/error.log $level;
$user
env  LD_PRELOAD;
env  ASAN_OPTIONS;
env  UBSAN_OPTIONS;
END
        HTTP => join("\n    ", "access_log  $dir/access.log;",
                     "triggers_rate_limit  0;",
                     map { "${_}_temp_path  $dir/${_}_temp;" }
                     qw( client_body proxy fastcgi scgi uwsgi )),
    );

    1 while $text =~ s/%%(GLOBALS|HTTP|DIR|DB|MODULE)%%/$vars{$1}/g;
    $text =~ s/%%PORT(_\w+)?%%/$self->port($1 || '')/ge;

    return $text;
}


sub module {
    return $ENV{TRIGGERS_MODULE} || $ENV{TEST_NGINX_TRIGGERS_MODULE}
           || "$Root/build/ngx_http_triggers_module.so";
}


sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name // ''} //= Triggers::Port::free();
}


sub write {
    my ($self, $name, $body) = @_;

    open my $out, '>', "$self->{dir}/$name" or die "$name: $!";
    binmode $out;
    print $out $body;
    close $out or die "$name: $!";
}


sub read {
    my ($self, $name) = @_;

    open my $in, '<', "$self->{dir}/$name" or return '';
    local $/;
    return <$in> // '';
}


# Processes.  nginx leads a process group of its own, so that the whole tree
# can be killed at once.

sub spawn {
    my ($self, @args) = @_;
    my $dir = $self->{dir};
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        $ENV{TRIGGERS_REPORTS} = "$dir/reports";
        $self->{before_exec}->() if $self->{before_exec};
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/stdout";
        open STDERR, '>>', "$dir/stderr";
        exec "$Root/t/tools/nginx", '-e', "$dir/error.log", '-p', "$dir/",
             '-c', "$dir/nginx.conf", @args
            or POSIX::_exit(127);
    }

    return $pid;
}


# starts nginx and returns when it listens (ready: when it also says that it
# is healthy)

sub start {
    my ($self) = @_;
    my $pid = $self->{pid} = $self->spawn();
    my $daemon = $self->read('nginx.conf') =~ /^daemon\s+on;/m;

    # its own pid file tells that it is this nginx that listens; a daemon has
    # another number, see adopt()

    my $listens = wait_for(sub {
        ($daemon || $self->read('nginx.pid') =~ /^$pid$/m) && $self->connect()
            or !$daemon && !$self->running() && -1;
    });

    if (!ref $listens) {
        my @log = split /^/, $self->read('stderr') . $self->read('error.log');

        splice @log, 0, @log - 30 if @log > 30;
        Test::More::diag(@log);
        Test::More::BAIL_OUT('nginx did not start');
    }

    return $self;
}


sub ready {
    my ($self) = @_;

    $self->start() if !$self->{pid};

    wait_for(sub { $self->healthy() })
        or Test::More::diag('not healthy: ' . $self->read('error.log'));

    return $self;
}


sub healthy {
    my ($self) = @_;
    my $res = eval { $self->get('/v1/health') };
    return $res && $res->{status} eq '200';
}


# "nginx -t": exit code and output

sub test_config {
    my ($self) = @_;

    $self->write('stderr', '');
    my $pid = $self->spawn('-t');
    waitpid $pid, 0;

    return ($? >> 8, $self->read('stderr'));
}


sub running {
    my ($self) = @_;
    my $pid = $self->{pid} or return;

    if ($self->{adopted}) {
        return 1 if grep { $_->{pid} == $pid } processes();

    } else {
        return 1 if waitpid($pid, WNOHANG) == 0;

        $self->{status} = $?;
    }

    delete $self->{pid};
    return;
}


# the master that the pid file names is the one to end from now on: a daemon,
# or the one that a binary upgrade has started

sub adopt {
    my ($self) = @_;
    my $pid = wait_for(sub { $self->read('nginx.pid') =~ /^(\d+)$/m && $1 });

    $self->{pid} = $pid;
    $self->{group} = getpgrp $pid;
    $self->{adopted} = 1;
}


# the processes of the tree, the master's children, the one that drains

sub tree {
    my ($self) = @_;
    my $group = $self->{group} // $self->{pid} or return;
    return map { $_->{pid} } grep { $_->{group} == $group } processes();
}


sub workers {
    my ($self) = @_;
    my $master = $self->{pid} or return;
    return map { $_->{pid} } grep { $_->{parent} == $master } processes();
}


# A killed process looks like a zombie while one of its threads still sits in
# an fsync(), and listens until that has returned: it lives as long as it has
# more than one thread.

sub processes {
    my @list;

    for my $path (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $path or next;
        my ($pid, $rest) = (<$in> // '') =~ /^(\d+) \(.*\) (.*)/s or next;
        my ($state, $parent, $group, $threads) = (split ' ', $rest)[0 .. 2, 17];
        push @list, { pid => $pid, parent => $parent, group => $group }
            if $state ne 'Z' || $threads > 1;
    }

    return @list;
}


# the worker that holds the write lock of a database, as the kernel shows it

sub drainer {
    my ($self, $db) = @_;
    my $lock = ($db // $self->{db}) . '.lock';

    for my $pid ($self->workers()) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $path = readlink $fd;
            next if !defined $path || $path ne $lock;

            $fd =~ m{/(\d+)$};
            open my $in, '<', "/proc/$pid/fdinfo/$1" or next;
            return $pid if grep { /^lock:.*OFDLCK.*WRITE.* 0 0$/ } <$in>;
        }
    }

    return;
}


sub signal {
    my ($self, $name, @pids) = @_;
    @pids = $self->{pid} if !@pids;
    return kill $name, grep { defined } @pids;
}


# reload returns when the new workers have taken over from the old ones and
# these are gone, or with a false value when they are not gone in time

sub reload {
    my ($self, $limit) = @_;
    my %old = map { $_ => 1 } $self->workers();

    $self->signal('HUP');

    return wait_for(sub {
        my @now = $self->workers();
        @now && !grep { $old{$_} } @now;
    }, $limit);
}


sub quit { shift->end_with('QUIT', @_) }
sub term { shift->end_with('TERM', @_) }


sub end_with {
    my ($self, $signal, $limit) = @_;

    return 1 if !$self->running();

    $self->signal($signal);

    return wait_for(sub { !$self->running() }, $limit);
}


# kills the given processes, or the whole tree at one instant

sub kill9 {
    my ($self, @pids) = @_;

    if (@pids) {
        $self->allow($Killed);
        return kill KILL => @pids;
    }

    my $pid = $self->{pid} or return;
    my $group = $self->{group} // $pid;

    kill KILL => -$group;
    waitpid $pid, 0;
    delete $self->{pid};

    local $self->{group} = $group;
    wait_for(sub { !$self->tree() })
        or Test::More::BAIL_OUT('killed processes do not end');
}


# Kills a worker, or the one that drains, and returns its pid.  One that has
# been killed may be seen until it is gone: each is killed once.

sub kill_worker {
    my ($self, $find) = @_;

    $find //= sub {
        my @workers = $self->workers();
        $workers[rand @workers];
    };

    return wait_for(sub {
        my $pid = $find->() or return;
        !$self->{killed}{$pid}++ && $self->kill9($pid) && $pid;
    });
}


sub kill_drainer {
    my ($self) = @_;
    return $self->kill_worker(sub { $self->drainer() });
}


# A process of the test's own that runs a sub; what is left of them at the end
# is killed.

sub child {
    my ($self, $run) = @_;
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        eval { $run->(); 1 } or print STDERR $@;
        POSIX::_exit($@ ? 1 : 0);
    }

    push @{$self->{children}}, $pid;

    return $pid;
}


sub end_children {
    my ($self) = @_;

    for my $pid (@{delete $self->{children} // []}) {
        waitpid($pid, WNOHANG) == 0 or next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


sub stop {
    my ($self) = @_;

    return if !$self->running();
    return if $self->end_with('QUIT');

    Test::More::diag('nginx did not quit, killing it');
    $self->{stuck} = 1;
    $self->kill9();
}


# alerts that a test brings about itself

sub allow {
    my ($self, @patterns) = @_;
    push @{$self->{allow}}, @patterns;
}


# The options of UndefinedBehaviorSanitizer are read with its first report,
# from memory where nginx has its title by then: it goes to the log.

sub alerts {
    my ($self) = @_;
    my $alerts = join '', grep {
        my $line = $_;
        $line =~ /\[(?:alert|emerg)\]|: runtime error: |AddressSanitizer: /
            && !grep { $line =~ $_ } @{$self->{allow}};
    } split /^/, $self->read('error.log');

    $alerts .= "nginx did not quit\n" if $self->{stuck};

    return $alerts;
}


# what sanitizers and valgrind said; of valgrind only what has a function of
# ours on its stack, as nginx and sqlite are not ours to judge

sub reports {
    my ($dir) = @_;
    my $reports = '';

    for my $path (glob "$dir/*") {
        open my $in, '<', $path or next;
        my $text = do { local $/; <$in> } // '';

        if ($path =~ m{/valgrind\.}) {
            $text =~ s/^==\d+== ?//mg;
            $reports .= join "\n", grep { /ngx_(?:http_)?triggers/ }
                        split /\n\n+/, $text;

        } else {
            $reports .= $text;
        }
    }

    return $reports;
}


sub DESTROY { shift->finish() }


# a file's variable that a sub of the file uses outlives the file

END {
    my $status = $?;
    $_->finish() for grep { defined } values %Objects;
    $? = $status;
}


sub finish {
    my ($self) = @_;
    local ($?, $@, $!);

    return if $self->{owner} != $$ || !delete $Objects{$self + 0};

    $self->end_children();
    $self->unlock_database();
    $self->stop();

    return if !$self->{checks};

    Test::More::is($self->alerts(), '', 'no alerts');
    Test::More::is(reports("$self->{dir}/reports"), '', 'no reports');
}


# HTTP.  An answer is { status, headers (lower case names), body, json }; the
# json is undef where the body is none.

sub connect {
    my ($self, $port) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                     PeerPort => $port // $self->port(),
                                     Timeout => 30 * $Scale) or return;

    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;

    return $sock;
}


sub get    { my ($self, @args) = @_; $self->request('GET', @args) }
sub delete { my ($self, @args) = @_; $self->request('DELETE', @args) }


sub post {
    my ($self, $uri, $body, %headers) = @_;
    return $self->request('POST', $uri, body => $body, %headers);
}


# options: body, port, sock (a connection to keep), timeout, key (undef sends
# none); all else are headers

sub request {
    my ($self, $method, $uri, %args) = @_;
    my $sock = $args{sock} // $self->connect($args{port});
    my $timeout = $args{timeout};

    return { status => '', headers => {}, body => '' } if !$sock;

    print $sock text($method, $uri, %args);

    return http_read($sock, $timeout, $method eq 'HEAD');
}


sub text {
    my ($method, $uri, %args) = @_;
    my $key = exists $args{key} ? delete $args{key} : $Key;
    my $body = delete $args{body};
    my %headers = (Host => 'localhost',
                   Connection => $args{sock} ? 'keep-alive' : 'close');

    $headers{Authorization} = "Bearer $key" if defined $key;
    $headers{'Content-Length'} = length $body if defined $body;

    delete @args{qw( sock port timeout )};
    %headers = (%headers, %args);

    return join("\r\n", "$method $uri HTTP/1.1",
                (map { "$_: $headers{$_}" } sort keys %headers), '', '')
           . ($body // '');
}


# sends a text and returns the open socket; http_end() reads the answer

sub http_start {
    my ($self, $text) = @_;
    my $sock = $self->connect() or return;

    local $SIG{PIPE} = 'IGNORE';
    print $sock $text;
    $sock->flush;

    return $sock;
}


sub http_end {
    my ($sock, $timeout) = @_;
    my $res = http_read($sock, $timeout);
    close $sock;
    return $res;
}


# the status is '' when the connection closes without an answer, and
# 'timeout' when none comes

sub http_read {
    my ($sock, $timeout, $head) = @_;
    my $res = { status => '', headers => {}, body => '' };
    my $buf = ${*$sock}{triggers_left} // '';
    my $deadline = time() + ($timeout // 60) * $Scale;
    my $more = sub { read_more($sock, \$buf, $deadline) };

    while ($buf !~ /\r\n\r\n/) {
        my $rc = $more->() and next;
        $res->{status} = 'timeout' if !defined $rc;
        return $res;
    }

    $buf =~ s/^(.*?)\r\n\r\n//s;
    my ($line, @headers) = split /\r\n/, $1;
    ($res->{status}) = $line =~ m{^HTTP/\S+ (\d+)};

    for (@headers) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        $name = lc $name;
        $res->{headers}{$name} = defined $res->{headers}{$name}
                                 ? "$res->{headers}{$name}, $value" : $value;
    }

    if ($res->{status} == 100) {
        ${*$sock}{triggers_left} = $buf;
        return http_read($sock, $timeout, $head);
    }

    my $length = $res->{headers}{'content-length'};

    if ($head || $res->{status} =~ /^(?:204|304)$/) {
        # no body

    } elsif (defined $length) {
        while (length $buf < $length) {
            $more->() or last;
        }

        $res->{body} = substr $buf, 0, $length, '';

    } elsif (($res->{headers}{'transfer-encoding'} // '') eq 'chunked') {
        for ( ;; ) {
            if ($buf =~ s/^([0-9a-fA-F]+)\r\n//) {
                my $size = hex $1;
                while (length $buf < $size + 2) {
                    $more->() or return $res;
                }
                $res->{body} .= substr $buf, 0, $size, '';
                substr($buf, 0, 2, '');
                last if $size == 0;
                next;
            }

            $more->() or last;
        }

    } else {
        1 while $more->();
        ($res->{body}, $buf) = ($buf, '');
    }

    ${*$sock}{triggers_left} = $buf;
    $res->{json} = eval { JSON::PP->new->utf8->decode($res->{body}) };

    return $res;
}


# 1, 0 at the end, undef when the time is over

sub read_more {
    my ($sock, $buf, $deadline) = @_;

    for ( ;; ) {
        my $rest = $deadline - time();
        return if $rest <= 0 || !IO::Select->new($sock)->can_read($rest);

        my $n = sysread $sock, $$buf, 65536, length $$buf;
        next if !defined $n && $! == EINTR;
        return $n ? 1 : 0;
    }
}


# Has nginx accepted all connections to its port, and read what was sent on
# them?  The kernel's queues tell.

sub taken_in {
    my ($self) = @_;
    my $port = sprintf '%04X', $self->port();

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!";

    return !grep { /^ *\d+: \w+:$port \w+:\w+ \w\w \w+:(?!0+ )/ } <$in>;
}


# all events that the reader of this key sees, by following the cursor

sub inbox {
    my ($self, $query, %args) = @_;
    my ($cursor, @events);

    do {
        my $uri = '/inbox?limit=1000&status=all&order=asc'
                  . ($query ? "&$query" : '')
                  . (defined $cursor ? "&cursor=$cursor" : '');
        my $res = $self->get($uri, %args);

        $res->{status} eq '200'
            or die "GET $uri: $res->{status} $res->{body}\n";

        push @events, @{$res->{json}{events}};
        $cursor = $res->{json}{pagination}{next_cursor};
        $cursor = undef if !$res->{json}{pagination}{has_more};
    } while (defined $cursor);

    return @events;
}


# rows of a query over the database file, as the sqlite3 command prints them

sub sql {
    my ($self, $query, $db) = @_;
    my @cmd = ('sqlite3', '-batch', '-cmd', '.timeout 5000');

    push @cmd, '-readonly' if $self->{pid};

    open my $in, '-|', @cmd, $db // $self->{db}, $query
        or die "sqlite3: $!";
    chomp(my @rows = <$in>);
    close $in or die "sqlite3 failed: $query";

    return wantarray ? @rows : $rows[0];
}


# another process that holds the write lock of SQLite until unlock_database()

sub lock_database {
    my ($self, $db) = @_;
    my $pid = open2(my $out, my $in, 'sqlite3', '-batch', $db // $self->{db});

    print $in ".timeout 20000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n";
    $in->flush;

    (readline($out) // '') =~ /locked/ or die "cannot lock the database\n";

    return $self->{locker} = { pid => $pid, in => $in, out => $out };
}


sub unlock_database {
    my ($self) = @_;
    my $locker = delete $self->{locker} or return;

    print {$locker->{in}} "ROLLBACK;\n";
    close $locker->{in};
    waitpid $locker->{pid}, 0;
}


# Waits until the condition holds; its value, or a false one.  The limit is far
# away: on a busy machine everything takes longer.

sub wait_for {
    my ($condition, $limit) = @_;
    my $deadline = time() + ($limit // 60) * $Scale;
    my $step = 0.002;

    for ( ;; ) {
        my $value = $condition->();
        return $value if $value || time() > $deadline;
        sleep $step;
        $step *= 1.5 if $step < 0.05;
    }
}


# a library of t/tools to be preloaded, compiled likewise

sub library {
    my ($name) = @_;
    return compile($name, "$Root/build/t/$name.so", '-shared', '-fPIC');
}


# a tool of t/tools, compiled when its source is newer

sub tool {
    my ($name) = @_;
    return compile($name, "$Root/build/t/$name");
}


sub compile {
    my ($name, $bin, @flags) = @_;
    my $src = "$Root/t/tools/$name.c";

    if (!-e $bin || -M $bin > -M $src) {
        make_path("$Root/build/t");
        system('cc', '-O2', '-Wall', '-Wextra', @flags, '-o', "$bin.$$", $src,
               '-ldl', '-lpthread') == 0
            && rename "$bin.$$", $bin
            or Test::More::BAIL_OUT("cannot compile $src");
    }

    return $bin;
}


1;
