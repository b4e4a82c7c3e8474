using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>Debian's ZooKeeper in Keeper's place: a process of its own that can be killed.</summary>
sealed class ZooKeeper : IAsyncDisposable
{
    const string Library = "/usr/share/java/zookeeper.jar";
    readonly TemporaryFolder _data = new();
    Process? _process;

    ZooKeeper()
    {
    }

    public int Port { get; } = Ports.Free();

    /// <summary>Starts it, or skips the test where it is not installed.</summary>
    public static async Task<ZooKeeper> StartAsync()
    {
        Assert.SkipUnless(File.Exists(Library), "ZooKeeper is not installed: apt-get install zookeeper");
        var zooKeeper = new ZooKeeper();
        await zooKeeper.RestartAsync();
        return zooKeeper;
    }

    public async Task RestartAsync()
    {
        var configuration = Path.Combine(_data.Path, "zoo.cfg");
        await File.WriteAllTextAsync(configuration, $"""
            tickTime=500
            dataDir={_data.Path}
            clientPort={Port}
            clientPortAddress=127.0.0.1
            admin.enableServer=false
            4lw.commands.whitelist=ruok
            """);
        string[] arguments = ["-Xmx256m", "-cp", Library, "org.apache.zookeeper.server.ZooKeeperServerMain", configuration];
        _process = Process.Start(new ProcessStartInfo("java", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        // Nobody reads them, but a full pipe would stop it.
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Wait.UntilAsync(IsWellAsync);
    }

    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }

        _data.Dispose();
    }

    async Task<bool> IsWellAsync()
    {
        Assert.False(_process!.HasExited, "ZooKeeper ended by itself.");
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port);
            await client.GetStream().WriteAsync("ruok"u8.ToArray());
            using var answer = new StreamReader(client.GetStream(), Encoding.ASCII);
            return await answer.ReadToEndAsync() == "imok";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
