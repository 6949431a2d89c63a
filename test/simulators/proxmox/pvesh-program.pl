# Stands in for pvesh. Its command line is parsed by the very module that parses the real one's, with the same settings
# (PVE::JSONSchema, get_options); the call goes to the simulated node, which tells what to print and how to end. It is
# run by the file that installPvesh writes, which names the node's socket in $main::SOCKET. Only perl-base is needed.
use strict;
use warnings;
use Getopt::Long ();
use IO::Socket::UNIX ();

my %method = (get => 'GET', create => 'POST', set => 'PUT', delete => 'DELETE');
my @boolean = qw(
    append autocreate default enable enabled full groups-autocreate groups-overwrite human-readable noborder noheader
    noproxy privsep propagate query-userinfo quiet regenerate
);
my @list = qw(groups privs roles tokens users);
my @text = qw(
    acr-values audiences client-id client-key comment digest email expire firstname groupid groups-claim issuer-url keys
    lastname output-format password path prompt realm redirect-url roleid scopes type userid username-claim
);

sub ask {
    my (@strings) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $main::SOCKET) or die "the simulated node is gone: $!\n";
    my $sent = pack('(N/a*)*', @strings);
    while (length $sent) {
        my $written = syswrite($socket, $sent) // die "the simulated node went away: $!\n";
        substr($sent, 0, $written, '');
    }
    shutdown($socket, 1);
    local $/;
    return unpack('(N/a*)*', <$socket> // '');
}

sub parse {
    my ($verb, @rest) = @_;
    return ('usage', "ERROR: unknown command 'pvesh " . ($verb // '') . "'") if !defined $verb || !$method{$verb};
    my $path = $rest[0] // '';
    my $delete = $path =~ m{^/access/acl/?$} ? 'delete:s' : 'delete=s@';
    my $options = {};
    my @said;
    {
        local $SIG{__WARN__} = sub { push @said, $_[0] };
        Getopt::Long::Configure('prefix_pattern=(--|-)');
        Getopt::Long::GetOptionsFromArray(
            \@rest, $options, $delete, (map { "$_:s" } @boolean), (map { "$_=s\@" } @list), (map { "$_=s" } @text),
        ) or return ('usage', join('', @said) . '400 unable to parse option');
    }
    return ('usage', '400 not enough arguments') if @rest < 1;
    return ('usage', '400 too many arguments') if @rest > 1;
    my %is_boolean = map { $_ => 1 } @boolean, ($delete eq 'delete:s' ? 'delete' : ());
    my @given;
    for my $name (sort keys %$options) {
        my $value = $options->{$name};
        $value = join(',', @$value) if ref $value;
        if ($is_boolean{$name}) {
            if ($value =~ /^(?:1|on|yes|true|)$/i) { $value = 1 }
            elsif ($value =~ /^(?:0|off|no|false)$/i) { $value = 0 }
            else { return ('usage', '400 unable to parse boolean option') }
        }
        push @given, "option $name=$value";
    }
    return ("method $method{$verb}", "path $rest[0]", @given);
}

my @arguments = map { "argument $_" } @ARGV;
my @environment = map { "environment $_=$ENV{$_}" } sort keys %ENV;
my ($end, $stdout, $stderr) = ask("process $$", @arguments, @environment, parse(@ARGV));
kill(9, $$) if !defined $stderr;
binmode(STDOUT);
binmode(STDERR);
print STDERR $stderr;
print STDOUT $stdout;
if ($end eq 'hang') {
    close(STDOUT);
    # For ever, or until its host is gone.
    sleep(1) while -e $main::SOCKET;
}
exit($end);
