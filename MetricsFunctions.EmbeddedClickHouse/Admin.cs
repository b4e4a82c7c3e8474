using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>
/// The user who may write to an embedded server. Its password is made with the data folder and lies in it, so that who may read this user's
/// files may write, and nobody else: not another user of the machine, and not the page that a browser shows.
/// </summary>
public static partial class Admin
{
    /// <summary>Its name.</summary>
    public const string User = "admin";

    /// <summary>The file of its password, in the data folder.</summary>
    public const string PasswordFile = "admin.password";

    const int PasswordBytes = 32;

    /// <summary>Reads the password, and makes it, and the folder, where they are missing.</summary>
    /// <param name="dataPath">The data folder.</param>
    /// <exception cref="ClickHouseStartException">The folder cannot be written, or the file cannot be read.</exception>
    public static string ReadPassword(string dataPath)
    {
        RequireWritable(dataPath);
        var file = Path.Combine(dataPath, PasswordFile);
        try
        {
            if (!Path.Exists(file))
            {
                Make(file);
            }

            return File.ReadAllText(file).Trim() is { Length: > 0 } password
                ? password
                : throw new ClickHouseStartException($"{file} is empty: put a password into it, or remove it, and the next start makes one.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ClickHouseStartException(
                $"{file} cannot be read ({e.Message.TrimEnd('.')}): let this user read it, or remove it, and the next start makes another.", e);
        }
    }

    /// <summary>A connection string for ClickHouse.Driver.</summary>
    /// <param name="httpPort">The port of the HTTP interface on 127.0.0.1.</param>
    /// <param name="password">The password.</param>
    public static string ConnectionString(int httpPort, string password) => new DbConnectionStringBuilder
    {
        ["Host"] = "127.0.0.1",
        ["Port"] = httpPort.ToString(CultureInfo.InvariantCulture),
        ["Username"] = User,
        ["Password"] = password,
    }.ConnectionString;

    /// <summary>All that the server is told of the password.</summary>
    internal static string Hash(string password) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(password)));

    static void RequireWritable(string dataPath)
    {
        try
        {
            Directory.CreateDirectory(dataPath);
            using var probe = new FileStream(
                Path.Combine(dataPath, $".{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ClickHouseStartException(
                $"The data folder {dataPath} cannot be written ({e.Message.TrimEnd('.')}): choose another with --data or EmbeddedClickHouse:DataPath.", e);
        }
    }

    // Nobody sees it half written, and of two who make it at the same time both read the same one.
    static void Make(string file)
    {
        var written = Path.Combine(Path.GetDirectoryName(file)!, Path.GetRandomFileName());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(written, options))
        {
            stream.Write(Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(2 * PasswordBytes, lowercase: true) + "\n"));
            stream.Flush(flushToDisk: true);
        }

        // File.Move looks whether there is a file, and then replaces what has come since; a link does not.
        if (Link(written, file) != 0 && !File.Exists(file))
        {
            // A file system that has no links.
            File.Move(written, file);
        }
        else
        {
            File.Delete(written);
        }
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string other);
}
