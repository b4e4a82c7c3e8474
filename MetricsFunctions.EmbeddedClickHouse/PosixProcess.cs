using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>What this process needs of its operating system beyond .NET.</summary>
static partial class PosixProcess
{
    const int StandardInput = 0;
    const int ShutRd = 0;
    const int PriorityOfThread = 0;
    const int AddressSize = 128;

    /// <summary>Moves this process into a process group of its own.</summary>
    public static void LeaveProcessGroup() => Require(SetProcessGroup(0, 0), "setpgid");

    /// <summary>Makes a new pseudo-terminal the standard input.</summary>
    /// <returns>The other end; standard input ends when it is closed.</returns>
    public static SafeFileHandle ReplaceStandardInputByTerminal()
    {
        var controller = File.OpenHandle("/dev/ptmx", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Require(GrantTerminal(controller), "grantpt");
        Require(UnlockTerminal(controller), "unlockpt");
        var name = Marshal.PtrToStringUTF8(TerminalName(controller))!;
        using var terminal = File.OpenHandle(name, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Require(Duplicate(terminal, StandardInput), "dup2");
        return controller;
    }

    /// <summary>Lets every connection of this process read as ended; what is still to be sent on it can be sent.</summary>
    public static unsafe void EndReceiving()
    {
        var address = stackalloc byte[AddressSize];
        foreach (var descriptor in Directory.EnumerateFileSystemEntries("/dev/fd"))
        {
            // Only a connected socket has a peer; a listening one must be left alone.
            var socket = int.Parse(Path.GetFileName(descriptor), CultureInfo.InvariantCulture);
            var size = AddressSize;
            if (GetPeerName(socket, address, &size) == 0)
            {
                _ = Shutdown(socket, ShutRd);
            }
        }
    }

    /// <summary>Lowers the priority of threads, which needs no privilege.</summary>
    /// <param name="name">What they are called.</param>
    /// <param name="niceness">How low, up to 19.</param>
    /// <returns>How many have that name, and this priority now.</returns>
    public static int LowerThreads(string name, int niceness)
    {
        var lowered = 0;
        foreach (var thread in Directory.EnumerateDirectories("/proc/self/task"))
        {
            if (NameOf(thread) == name && SetPriority(PriorityOfThread, int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), niceness) == 0)
            {
                lowered++;
            }
        }

        return lowered;
    }

    static string? NameOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd();
        }
        catch (IOException)
        {
            // It has ended since it was listed.
            return null;
        }
    }

    static void Require(int result, string function)
    {
        if (result < 0)
        {
            throw new IOException($"{function}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setpgid", SetLastError = true)]
    private static partial int SetProcessGroup(int process, int group);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int GrantTerminal(SafeFileHandle controller);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int UnlockTerminal(SafeFileHandle controller);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, int thread, int niceness);

    [LibraryImport("libc", EntryPoint = "ptsname")]
    private static partial nint TerminalName(SafeFileHandle controller);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(SafeFileHandle from, int to);

    [LibraryImport("libc", EntryPoint = "getpeername")]
    private static unsafe partial int GetPeerName(int socket, byte* address, int* addressSize);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int socket, int direction);
}
