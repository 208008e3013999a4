//! flags: -r:System.dll
// TCP and UDP over the loopback interface, with threads and with tasks; addresses.
using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

class Program
{
    static void Main()
    {
        Addresses();
        Tcp();
        Udp();
        Tasks().Wait();
        Refused();
    }

    static void Addresses()
    {
        Console.WriteLine(IPAddress.Parse("127.0.0.1").Equals(IPAddress.Loopback));
        Console.WriteLine(IPAddress.Parse("::1").AddressFamily);
        Console.WriteLine(new IPEndPoint(IPAddress.Parse("10.1.2.3"), 80));
        IPAddress none;
        Console.WriteLine(IPAddress.TryParse("300.1.1.1", out none));
    }

    static void Tcp()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var server = new Thread(() =>
        {
            using (TcpClient c = listener.AcceptTcpClient())
            using (var r = new StreamReader(c.GetStream()))
            using (var w = new StreamWriter(c.GetStream()) { AutoFlush = true })
                for (string line; (line = r.ReadLine()) != null;) w.WriteLine("echo " + line);
        });
        server.Start();
        using (var client = new TcpClient("127.0.0.1", port))
        using (var r = new StreamReader(client.GetStream()))
        using (var w = new StreamWriter(client.GetStream()) { AutoFlush = true })
        {
            foreach (string s in new[] { "one", "two", new string('x', 100000) })
            {
                w.WriteLine(s);
                Console.WriteLine(r.ReadLine().Length);
            }
            client.Client.Shutdown(SocketShutdown.Send);
            Console.WriteLine(r.ReadLine() == null);
        }
        server.Join();
        listener.Stop();
    }

    static void Udp()
    {
        using (var a = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0)))
        using (var b = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0)))
        {
            a.Client.ReceiveTimeout = b.Client.ReceiveTimeout = 60000;
            byte[] data = Encoding.ASCII.GetBytes("datagram");
            a.Send(data, data.Length, (IPEndPoint)b.Client.LocalEndPoint);
            IPEndPoint from = null;
            Console.WriteLine(Encoding.ASCII.GetString(b.Receive(ref from)));
            Console.WriteLine(from.Equals(a.Client.LocalEndPoint));
        }
    }

    static async Task Tasks()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task server = Task.Run(async () =>
        {
            using (TcpClient c = await listener.AcceptTcpClientAsync())
            {
                var buffer = new byte[4];
                int n = await c.GetStream().ReadAsync(buffer, 0, 4);
                Array.Reverse(buffer, 0, n);
                await c.GetStream().WriteAsync(buffer, 0, n);
            }
        });
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            await client.GetStream().WriteAsync(new byte[] { 1, 2, 3, 4 }, 0, 4);
            var answer = new byte[4];
            int n = await client.GetStream().ReadAsync(answer, 0, 4);
            Console.WriteLine("{0} {1}", n, BitConverter.ToString(answer));
        }
        await server;
        listener.Stop();
    }

    static void Refused()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        try { new TcpClient("127.0.0.1", port); }
        catch (SocketException e) { Console.WriteLine(e.SocketErrorCode); }
        using (var s = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            s.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            Console.WriteLine((int)s.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress) != 0);
            Console.WriteLine(s.Poll(1000, SelectMode.SelectRead) || true);
            s.Blocking = false;
            Console.WriteLine(s.Blocking);
        }
    }
}
