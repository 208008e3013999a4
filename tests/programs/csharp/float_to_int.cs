using System;

// Only values whose result the standard defines, but for checked conversions, where all count.
class FloatToInt
{
    static void Check(string what, Func<long> f)
    {
        string text;
        try { text = f().ToString(); }
        catch (OverflowException) { text = "overflow"; }
        Console.WriteLine(what + " " + text);
    }

    static void Checked(double v)
    {
        Console.WriteLine("bits " + BitConverter.DoubleToInt64Bits(v));
        Check("int", () => checked((int)v));
        Check("long", () => checked((long)v));
        Check("uint", () => checked((uint)v));
        Check("byte", () => checked((byte)v));
        Check("sbyte", () => checked((sbyte)v));
        Check("short", () => checked((short)v));
        Check("ushort", () => checked((ushort)v));
    }

    static void Main()
    {
        double[] values = { 0, -0.0, 0.5, -0.5, 0.999, 1.5, -1.5, 2.5, 127.9, -127.9, 255.5, 32767.25, 65535.75, 1e9, -1e9, 2147483646.5, -2147483647.5 };
        foreach (double v in values)
        {
            Console.WriteLine((int)v + " " + (long)v);
            float f = (float)v;
            Console.WriteLine((int)(f / 2) + " " + (long)(f / 2));
        }
        Console.WriteLine((uint)4000000000.75);
        double large = 4000000000.75;
        Console.WriteLine((uint)large);
        Console.WriteLine((long)large);
        Console.WriteLine((ulong)large);
        double huge = 1e19;
        Console.WriteLine((ulong)huge);
        double nine = 9e18;
        Console.WriteLine((ulong)nine);
        Console.WriteLine((long)nine);
        Console.WriteLine((long)-nine);
        double small = 200.9;
        Console.WriteLine((byte)small);
        Console.WriteLine((short)-small);
        Console.WriteLine((char)small == 200);

        foreach (double v in values)
            Checked(v);
        foreach (double v in new double[] { 255.999, 256, -1, -0.999, 128, -128.5, -129, 2147483647.5, 2147483648, -2147483648.5, -2147483649, 4294967295.5, 4294967296, 9.3e18, -9.3e18, 1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            Checked(v);
    }
}
