using System.Diagnostics;
using System.Runtime.InteropServices;
using MetricsFunctions.Tests.Clients;
using Microsoft.Win32.SafeHandles;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// A disk of its own whose power can be cut: ext4 in a file, mounted through a loop device. What a cut leaves is what Linux had sent to the
/// device by then, and ext4 makes of it what it makes of any disk after a power cut.
/// </summary>
sealed class Disk : IAsyncDisposable
{
    // Without noauto_da_alloc, ext4 writes some files by itself that other file systems leave in memory.
    const string Options = "loop,noauto_da_alloc";

    // Parts are many small files: there is room for 500,000.
    static readonly string[] Format = ["-q", "-F", "-N", "500000"];
    const long Size = 2L << 30;

    // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, made to test what a crash leaves: from here on nothing reaches the device.
    const uint Shutdown = 0x8004587D;
    const uint WithoutFlush = 2;

    readonly TemporaryFolder _folder = new();
    readonly string _image;

    Disk()
    {
        _image = System.IO.Path.Combine(_folder.Path, "image");
        Path = Directory.CreateDirectory(System.IO.Path.Combine(_folder.Path, "mounted")).FullName;
    }

    /// <summary>Where it is mounted.</summary>
    public string Path { get; }

    /// <summary>Makes and mounts one, or skips the test where that is not allowed.</summary>
    public static async Task<Disk> MountAsync()
    {
        ClientProcess.SkipUnlessInstalled("mkfs.ext4", "apt-get install e2fsprogs");
        var disk = new Disk();
        await using (var image = File.Create(disk._image))
        {
            image.SetLength(Size);
        }

        Assert.Equal("", (await RunAsync("mkfs.ext4", [.. Format, disk._image])).Errors);
        if ((await RunAsync("mount", "-o", Options, disk._image, disk.Path)).Errors is { Length: > 0 } errors)
        {
            disk._folder.Dispose();
            Assert.Skip($"This user may not mount a file system of its own (mount -o loop), as root may: {errors}");
        }

        return disk;
    }

    /// <summary>Writes everything to the device, as Linux does by itself within half a minute or so.</summary>
    public async Task SyncAsync() => Assert.Equal("", (await RunAsync("sync", "--file-system", Path)).Errors);

    /// <summary>Cuts the power. Whoever uses the disk gets I/O errors from here on.</summary>
    public void Cut()
    {
        using var any = File.OpenHandle(System.IO.Path.Combine(Path, "any"), FileMode.OpenOrCreate);
        var how = WithoutFlush;
        Assert.Equal(0, Control(any, Shutdown, ref how));
    }

    /// <summary>Brings the disk back as the cut has left it, once nobody uses it any more.</summary>
    public async Task RestoreAsync()
    {
        await UnmountAsync();
        Assert.Equal("", (await RunAsync("mount", "-o", Options, _image, Path)).Errors);
    }

    public async ValueTask DisposeAsync()
    {
        await UnmountAsync();
        _folder.Dispose();
    }

    async Task UnmountAsync()
    {
        // Processes that have just been killed may still be on their way out.
        await Wait.UntilAsync(async () => (await RunAsync("umount", Path)).Errors == "");

        // Who has copied the mounts, as unshare does, still uses it. Mounted again before that ends, it would be the same one, without power.
        await Wait.UntilAsync(async () => (await RunAsync("losetup", "--associated", _image)).Output == "");
    }

    // Errors are what it says when it fails.
    static async Task<(string Output, string Errors)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (await output, process.ExitCode == 0 ? "" : $"{errors.Trim()} ({program} ended with {process.ExitCode})");
    }

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    static extern int Control(SafeFileHandle file, nuint request, ref uint argument);
}
