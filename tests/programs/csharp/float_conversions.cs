using System;

// Conversions of floats to integers, also of what does not fit: NaN, infinities, values around every bound.
class Program
{
    static readonly double[] values = {
        double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.0, -0.0, 0.5, -0.5, -0.99999999, 1.0, -1.0, -1.5,
        127.0, 127.9, 128.0, -128.0, -128.9, -129.0, 255.0, 255.99, 256.0, 32767.5, 32768.0, -32768.5, -32769.0, 65535.5, 65536.0,
        2147483647.0, 2147483647.5, 2147483648.0, -2147483648.0, -2147483648.5, -2147483649.0, 4294967295.0, 4294967295.5,
        4294967296.0, -4294967296.0, 1e10, -1e10, 123456789012.75, 9.2233720368547748e18, 9.2233720368547758e18,
        -9.2233720368547758e18, -9.2233720368547779e18, 1.3e19, 1.8446744073709549e19, 1.8446744073709552e19, 1e20, -1e20,
        1e300, -1e300, double.Epsilon, 1e38, 3.5e38,
    };

    static string Try(Func<object> f)
    {
        try { return f().ToString(); }
        catch (OverflowException) { return "overflow"; }
    }

    static void Double(double d)
    {
        unchecked
        {
            Console.WriteLine("d {0} {1} {2} {3} {4} {5} {6} {7}",
                (sbyte)d, (short)d, (int)d, (long)d, (byte)d, (ushort)d, (uint)d, (ulong)d);
        }
        checked
        {
            Console.WriteLine("dc {0} {1} {2} {3} {4} {5} {6} {7}",
                Try(() => (sbyte)d), Try(() => (short)d), Try(() => (int)d), Try(() => (long)d),
                Try(() => (byte)d), Try(() => (ushort)d), Try(() => (uint)d), Try(() => (ulong)d));
        }
    }

    static void Single(float f)
    {
        unchecked
        {
            Console.WriteLine("f {0} {1} {2} {3} {4} {5} {6} {7}",
                (sbyte)f, (short)f, (int)f, (long)f, (byte)f, (ushort)f, (uint)f, (ulong)f);
        }
        checked
        {
            Console.WriteLine("fc {0} {1} {2} {3} {4} {5} {6} {7}",
                Try(() => (sbyte)f), Try(() => (short)f), Try(() => (int)f), Try(() => (long)f),
                Try(() => (byte)f), Try(() => (ushort)f), Try(() => (uint)f), Try(() => (ulong)f));
        }
    }

    static void Main()
    {
        foreach (double d in values)
        {
            Console.WriteLine(BitConverter.DoubleToInt64Bits(d).ToString("x16"));
            Double(d);
            Single((float)d);
        }
    }
}
