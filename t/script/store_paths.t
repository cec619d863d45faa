# One database may be declared once, whatever links lead to it: two drainers
# would take their turns with two locks, which are none.  Logs are a database,
# too.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(checks => 0);

plan(tests => 17);

mkdir "$t->{dir}/data" or die "data: $!";
$t->write('data/two.db', '');

symlink "$t->{dir}/data", "$t->{dir}/link" or die "symlink: $!";
symlink "$t->{dir}/data/one.db", "$t->{dir}/dangling.db" or die "symlink: $!";
symlink "data/two.db", "$t->{dir}/relative.db" or die "symlink: $!";
symlink "relative.db", "$t->{dir}/twice.db" or die "symlink: $!";

refused('data/one.db', 'data/one.db', 'the same path');
refused('data/one.db', 'data/../data/./one.db', 'another spelling');
refused('data/one.db', 'link/one.db', 'a link to the directory');
refused('data/one.db', 'dangling.db', 'a link to a file that is not yet there');
refused('data/two.db', 'relative.db', 'a relative link');
refused('twice.db', 'link/two.db', 'links on both sides');
refused('data/one.db  logs=%%DIR%%/link/two.db', 'data/two.db',
        'a link to a folder for logs');
refused('data/one.db', 'data/two.db  logs=%%DIR%%/dangling.db',
        'a link for logs');

my ($status, $out) = try('data/one.db', 'data/two.db');
is($status, 0, 'two databases') or diag($out);


sub try {
    my @paths = @_;
    (my $config = Triggers::Nginx::default_config())
        =~ s{(triggers_store +)main +(sqlite:).*;}
            {join '', map { "$1$_  $2%%DIR%%/$paths[$_ - 1]  zone=8m;\n    " }
                      1, 2}e;
    $config =~ s/triggers main;/triggers 1;/;

    $t->write_config($config);

    return $t->test_config();
}


sub refused {
    my ($one, $two, $name) = @_;
    my ($status, $out) = try($one, $two);

    isnt($status, 0, $name);
    like($out, qr/\[emerg\].*nginx\.conf:\d+/, "$name: with its place");
}
