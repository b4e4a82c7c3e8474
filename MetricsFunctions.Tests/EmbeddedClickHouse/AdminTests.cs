using System.Text.RegularExpressions;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.EmbeddedClickHouse;

/// <summary>The password of an embedded server, in its data folder.</summary>
public sealed partial class AdminTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string PasswordFile => Path.Combine(_folder.Path, "admin.password");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_made_once_for_the_eyes_of_this_user_alone()
    {
        var password = Admin.ReadPassword(_folder.Path);
        Assert.Matches(Random(), password);
        Assert.Equal(password, Admin.ReadPassword(_folder.Path));
        Assert.Equal([PasswordFile], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(PasswordFile).UnixFileMode);
    }

    [Fact]
    public void Its_folder_is_made_with_it_and_another_folder_has_another()
    {
        var folder = Path.Combine(_folder.Path, "a", "new", "one");
        Assert.NotEqual(Admin.ReadPassword(_folder.Path), Admin.ReadPassword(folder));
        Assert.True(File.Exists(Path.Combine(folder, "admin.password")));
    }

    [Fact]
    public async Task Those_who_make_it_at_the_same_time_have_the_same()
    {
        using var start = new Barrier(8);
        var passwords = await Task.WhenAll(Enumerable.Range(0, start.ParticipantCount).Select(_ => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                return Admin.ReadPassword(_folder.Path);
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        Assert.Single(passwords.Distinct());
        Assert.Equal([PasswordFile], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void One_that_somebody_put_there_is_kept()
    {
        File.WriteAllText(PasswordFile, "of mine\r\n");
        Assert.Equal("of mine", Admin.ReadPassword(_folder.Path));
        Assert.Equal("of mine\r\n", File.ReadAllText(PasswordFile));
    }

    [Fact]
    public void An_empty_one_is_told()
    {
        File.WriteAllText(PasswordFile, "\n");
        Assert.Equal(
            $"{PasswordFile} is empty: put a password into it, or remove it, and the next start makes one.",
            Assert.Throws<ClickHouseStartException>(() => Admin.ReadPassword(_folder.Path)).Message);
    }

    [Fact]
    public void One_that_cannot_be_read_is_told()
    {
        // A folder in its place, because permissions do not bind root.
        Directory.CreateDirectory(PasswordFile);
        var message = Assert.Throws<ClickHouseStartException>(() => Admin.ReadPassword(_folder.Path)).Message;
        Assert.StartsWith($"{PasswordFile} cannot be read (", message, StringComparison.Ordinal);
        Assert.EndsWith("): let this user read it, or remove it, and the next start makes another.", message, StringComparison.Ordinal);
    }

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Random();
}
