using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MetricsFunctions.Tests.Storage;

/// <summary>
/// TLS in front of a ClickHouse, whose embedded engine does not speak it, with a certificate of its own authority.
/// </summary>
sealed class TlsProxy : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly X509Certificate2 _certificate;
    readonly int _target;
    readonly Task _accepting;
    int _requests;

    /// <summary>Starts it on a free port.</summary>
    /// <param name="target">The port that it passes decrypted bytes on to.</param>
    /// <param name="host">The name in its certificate.</param>
    public TlsProxy(int target, string host = "localhost")
    {
        _target = target;
        using var authority = Authority(out var pem);
        AuthorityPem = pem;
        _certificate = Certificate(authority, host);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The certificate of the authority, for those who are to trust it.</summary>
    public string AuthorityPem { get; }

    /// <summary>How many connections brought a byte behind their handshake.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>The version that the last connection agreed on.</summary>
    public System.Security.Authentication.SslProtocols Version { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _certificate.Dispose();
        _stop.Dispose();
    }

    async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            using (var server = new TcpClient())
            {
                await using var secure = new SslStream(client.GetStream());
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
                Version = secure.SslProtocol;
                var first = new byte[1];
                if (await secure.ReadAsync(first, _stop.Token) == 0)
                {
                    return;
                }

                Interlocked.Increment(ref _requests);
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                var plain = server.GetStream();
                await plain.WriteAsync(first, _stop.Token);
                await Task.WhenAny(secure.CopyToAsync(plain, _stop.Token), plain.CopyToAsync(secure, _stop.Token));
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // Either side may leave, and a client that does not trust us is meant to.
        }
    }

    static X509Certificate2 Authority(out string pem)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=Authority of a test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        pem = authority.ExportCertificatePem();
        return authority;
    }

    static X509Certificate2 Certificate(X509Certificate2 authority, string host)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1]);
        return certificate.CopyWithPrivateKey(key);
    }
}
