using System;

class Conversions
{
    static void Check(string what, Func<long> f)
    {
        string text;
        try { text = f().ToString(); }
        catch (OverflowException) { text = "overflow"; }
        Console.WriteLine(what + ": " + text);
    }

    static void FromLong(long v)
    {
        Console.WriteLine("long " + v);
        Check("sbyte", () => checked((sbyte)v));
        Check("byte", () => checked((byte)v));
        Check("short", () => checked((short)v));
        Check("ushort", () => checked((ushort)v));
        Check("int", () => checked((int)v));
        Check("uint", () => checked((uint)v));
        Check("ulong", () => (long)checked((ulong)v));
        Check("char", () => checked((char)v));
        Console.WriteLine("unchecked " + (sbyte)v + " " + (byte)v + " " + (short)v + " " + (ushort)v + " " + (int)v + " " + (uint)v + " " + (ulong)v);
    }

    static void FromULong(ulong v)
    {
        Console.WriteLine("ulong " + v);
        Check("sbyte", () => checked((sbyte)v));
        Check("byte", () => checked((byte)v));
        Check("short", () => checked((short)v));
        Check("int", () => checked((int)v));
        Check("uint", () => checked((uint)v));
        Check("long", () => checked((long)v));
    }

    static void FromInt(int v)
    {
        Console.WriteLine("int " + v);
        Check("sbyte", () => checked((sbyte)v));
        Check("byte", () => checked((byte)v));
        Check("short", () => checked((short)v));
        Check("ushort", () => checked((ushort)v));
        Check("uint", () => checked((uint)v));
        Check("ulong", () => (long)checked((ulong)v));
    }

    static void FromUInt(uint v)
    {
        Console.WriteLine("uint " + v);
        Check("sbyte", () => checked((sbyte)v));
        Check("ushort", () => checked((ushort)v));
        Check("int", () => checked((int)v));
        Check("long", () => checked((long)v));
    }

    static void Main()
    {
        foreach (long v in new long[] { 0, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, 2147483648, 4294967295, 4294967296, long.MaxValue, long.MinValue })
            FromLong(v);
        foreach (ulong v in new ulong[] { 0, 127, 128, 4294967295, 4294967296, 9223372036854775807, 9223372036854775808, ulong.MaxValue })
            FromULong(v);
        foreach (int v in new int[] { 0, -1, 127, 128, -128, -129, 32767, 32768, 65536, int.MaxValue, int.MinValue })
            FromInt(v);
        foreach (uint v in new uint[] { 0, 127, 128, 65535, 65536, 2147483647, 2147483648, uint.MaxValue })
            FromUInt(v);
    }
}
