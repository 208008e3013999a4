using System;

class SmallInts
{
    byte field8 = 250;
    sbyte fieldS8 = -100;
    short field16 = 32000;
    ushort fieldU16 = 65000;
    char fieldChar = 'x';

    static byte ReturnByte(int x) { return (byte)x; }
    static sbyte ReturnSByte(int x) { return (sbyte)x; }
    static short ReturnShort(int x) { return (short)x; }
    static ushort ReturnUShort(int x) { return (ushort)x; }
    static char ReturnChar(int x) { return (char)x; }
    static bool ReturnBool(int x) { return x > 0; }
    static int Take(byte a, sbyte b, short c, ushort d, char e, bool f) { return a + b + c + d + e + (f ? 1 : 0); }

    static void Main()
    {
        for (int i = -70000; i <= 70000; i += 23333)
        {
            Console.WriteLine(i + ": " + ReturnByte(i) + " " + ReturnSByte(i) + " " + ReturnShort(i) + " " + ReturnUShort(i) + " " + (int)ReturnChar(i));
            Console.WriteLine(ReturnBool(i));
            Console.WriteLine(Take((byte)i, (sbyte)i, (short)i, (ushort)i, (char)i, i > 0));
        }

        byte b = 200;
        b += 100;
        Console.WriteLine(b);
        b++;
        b -= 50;
        Console.WriteLine(b);
        sbyte s = 127;
        s++;
        Console.WriteLine(s);
        short h = short.MinValue;
        h--;
        Console.WriteLine(h);
        ushort u = 0;
        u--;
        Console.WriteLine(u);
        char c = 'a';
        c++;
        c += (char)2;
        Console.WriteLine(c);
        Console.WriteLine(c + 1);
        Console.WriteLine((char)(c + 1));

        var me = new SmallInts();
        for (int i = 0; i < 4; i++)
        {
            me.field8 += 3;
            me.fieldS8 -= 20;
            me.field16 += 500;
            me.fieldU16 += 300;
            me.fieldChar++;
            Console.WriteLine(me.field8 + " " + me.fieldS8 + " " + me.field16 + " " + me.fieldU16 + " " + me.fieldChar);
        }

        byte[] bytes = { 1, 128, 255 };
        sbyte[] sbytes = { 1, -128, -1 };
        short[] shorts = { -1, 32767 };
        ushort[] ushorts = { 65535, 1 };
        bool[] bools = { true, false, true };
        int total = 0;
        foreach (byte x in bytes) total += x;
        foreach (sbyte x in sbytes) total += x * 1000;
        foreach (short x in shorts) total += x;
        foreach (ushort x in ushorts) total -= x;
        foreach (bool x in bools) total += x ? 7 : 9;
        Console.WriteLine(total);
        bytes[1] = (byte)(bytes[1] << 1);
        bytes[2] >>= 3;
        Console.WriteLine(bytes[1] + " " + bytes[2]);

        bool p = true, q = false;
        Console.WriteLine(p & q);
        Console.WriteLine(p | q);
        Console.WriteLine(p ^ q);
        Console.WriteLine(!p);
        Console.WriteLine(p && !q || q);
    }
}
