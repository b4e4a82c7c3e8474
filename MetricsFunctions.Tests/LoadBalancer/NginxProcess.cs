using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.LoadBalancer;

/// <summary>A real nginx with the configuration of <c>docs/deploy.md</c>, but for its addresses.</summary>
sealed partial class NginxProcess : IDisposable
{
    const string Begin = "```nginx\n";

    readonly TemporaryFolder _folder = new();
    readonly Process _process;

    NginxProcess(string program, IReadOnlyList<IPEndPoint> instances)
    {
        var configuration = Path.Combine(_folder.Path, "nginx.conf");
        File.WriteAllText(configuration, $$"""
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            daemon off;
            pid nginx.pid;
            error_log error.log info;
            events { worker_connections 4096; }
            http {
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
            {{Documented(instances)}}
            }
            """);
        _process = Process.Start(program, ["-p", _folder.Path, "-e", "error.log", "-c", configuration]);
    }

    /// <summary>Where senders send to.</summary>
    public IPEndPoint Address { get; } = new(IPAddress.Loopback, Ports.Free());

    /// <summary>What it logged: among others each attempt that came to nothing, and why.</summary>
    public string Log => File.ReadAllText(Path.Combine(_folder.Path, "error.log"));

    /// <summary>Starts it, or skips the test where it is not installed.</summary>
    /// <param name="instances">The instances of the service; as many as the documentation has.</param>
    public static async Task<NginxProcess> StartAsync(IReadOnlyList<IPEndPoint> instances)
    {
        // Debian has it where only root looks for programs.
        var program = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Append("/usr/sbin")
            .Select(folder => Path.Combine(folder, "nginx")).FirstOrDefault(File.Exists);
        Assert.SkipUnless(program is not null, "nginx is not installed: apt-get install nginx");
        var nginx = new NginxProcess(program!, instances);
        try
        {
            await Wait.UntilAsync(nginx.ListensAsync);
            return nginx;
        }
        catch
        {
            nginx.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }

    string Documented(IReadOnlyList<IPEndPoint> instances)
    {
        var docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "deploy.md"));
        var begin = docs.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var section = docs[begin..docs.IndexOf("```", begin, StringComparison.Ordinal)];
        Assert.Equal(instances.Count, Instance().Count(section));
        section = Instance().Replace(section, address => $"{instances[int.Parse(address.Groups[1].Value, CultureInfo.InvariantCulture) - 1]}");
        Assert.Contains("listen 80;", section, StringComparison.Ordinal);
        return section.Replace("listen 80;", $"listen {Address};", StringComparison.Ordinal);
    }

    async Task<bool> ListensAsync()
    {
        Assert.False(_process.HasExited, "nginx ended");
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(Address);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"10\.0\.0\.(\d+):7071")]
    private static partial Regex Instance();
}
