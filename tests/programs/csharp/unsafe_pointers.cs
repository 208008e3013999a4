using System;

struct Pixel { public byte R, G, B, A; }
unsafe struct Buffer16 { public int Before; public fixed byte Bytes[16]; public fixed int Ints[4]; public int After; }
unsafe struct ListNode { public int Value; public ListNode* Next; }

unsafe class Holder { public Buffer16 Buffer; public int[] Data = { 1, 2, 3, 4 }; }

unsafe class UnsafePointers
{
    static int Sum(int* p, int n)
    {
        int sum = 0;
        for (int* end = p + n; p < end; p++)
            sum += *p;
        return sum;
    }

    static void Copy(byte* to, byte* from, int n)
    {
        while (n >= 8) { *(long*)to = *(long*)from; to += 8; from += 8; n -= 8; }
        while (n-- > 0) *to++ = *from++;
    }

    static int Length(char* s)
    {
        char* p = s;
        while (*p != 0) p++;
        return (int)(p - s);
    }

    static uint Adler(byte[] data)
    {
        uint a = 1, b = 0;
        fixed (byte* p = data)
            for (int i = 0; i < data.Length; i++)
            {
                a = (a + p[i]) % 65521;
                b = (b + a) % 65521;
            }
        return b << 16 | a;
    }

    static int StackWork(int n)
    {
        int* a = stackalloc int[n];
        for (int i = 0; i < n; i++)
            a[i] = i * i;
        int sum = 0;
        for (int i = n - 1; i >= 0; i--)
            sum = sum * 3 + a[i];
        return n > 2 ? sum + StackWork(n - 1) : sum;
    }

    static void Swap(int* a, int* b) { int t = *a; *a = *b; *b = t; }
    static void SetAll(Pixel* p, int n, Pixel value) { for (int i = 0; i < n; i++) p[i] = value; }
    static int** Indirect(int** p) { return p; }
    static void* Untyped(void* p, int offset) { return (byte*)p + offset; }

    static void Main()
    {
        int x = 5, y = 6;
        int* p = &x;
        *p += 10;
        Swap(&x, &y);
        Console.WriteLine(x + " " + y + " " + *p);
        int** pp = Indirect(&p);
        **pp = 99;
        Console.WriteLine(x);

        int[] array = { 1, 2, 3, 4, 5 };
        fixed (int* a = array)
        {
            Console.WriteLine(Sum(a, 5) + " " + Sum(a + 1, 3) + " " + a[4] + " " + *(a + 2) + " " + (int)(&a[3] - a));
            a[0] = 100;
            short* halves = (short*)a;
            halves[1] = 1;
            Console.WriteLine((long)((byte*)&a[2] - (byte*)a));
        }
        Console.WriteLine(array[0]);
        fixed (int* inner = &array[3])
            Console.WriteLine(*inner + inner[1] + inner[-1]);
        fixed (char* s = "pinned text")
            Console.WriteLine(Length(s) + " " + s[2]);
        fixed (byte* none = new byte[0])
            Console.WriteLine(none == null);

        byte* from = stackalloc byte[21], to = stackalloc byte[21];
        for (int i = 0; i < 21; i++)
            from[i] = (byte)(i * 13);
        Copy(to, from, 21);
        int total = 0;
        for (int i = 0; i < 21; i++)
            total += to[i] * i;
        Console.WriteLine(total);
        Console.WriteLine(Adler(new byte[] { 87, 105, 107, 105, 112, 101, 100, 105, 97 }));
        Console.WriteLine(StackWork(40));

        Pixel* pixels = stackalloc Pixel[4];
        SetAll(pixels, 4, new Pixel { R = 1, G = 2, B = 3, A = 4 });
        pixels[2].G = 200;
        (pixels + 3)->A++;
        Console.WriteLine(((uint*)pixels)[2] + " " + ((uint*)pixels)[3] + " " + sizeof(Pixel));

        Buffer16 buffer = new Buffer16();
        buffer.Before = -1;
        buffer.After = -2;
        for (int i = 0; i < 16; i++)
            buffer.Bytes[i] = (byte)(i + 240);
        buffer.Ints[3] = 33;
        Buffer16 copy = buffer;
        copy.Bytes[0] = 1;
        Console.WriteLine(buffer.Bytes[0] + " " + copy.Bytes[0] + " " + copy.Bytes[15] + " " + copy.Ints[3] + " " + copy.Before + copy.After + " " + sizeof(Buffer16));
        var holder = new Holder { Buffer = buffer };
        fixed (byte* b = holder.Buffer.Bytes)
            b[1] = 77;
        fixed (int* d = holder.Data, e = &holder.Buffer.After)
            *e = d[2] + *e;
        Buffer16 read = holder.Buffer;
        Console.WriteLine(read.Bytes[1] + " " + holder.Buffer.After);

        ListNode c3 = new ListNode { Value = 3 }, c2 = new ListNode { Value = 2, Next = &c3 }, c1 = new ListNode { Value = 1, Next = &c2 };
        int sum = 0;
        for (ListNode* n = &c1; n != null; n = n->Next)
            sum = sum * 10 + n->Value;
        Console.WriteLine(sum);
        double real = 1.0;
        Console.WriteLine(*(long*)&real + " " + ((byte*)&real)[7]);
        float single = -2f;
        Console.WriteLine(*(int*)&single);
        Console.WriteLine(*(byte*)Untyped(&x, 0) + " " + sizeof(int*) / 8 + " " + (p < p + 1) + " " + (&x == p));
        long address = (long)p;
        Console.WriteLine(*(int*)address + " " + (address % 4));
        for (int round = 0; round < 100; round++)
            fixed (int* q = new int[100])
            {
                q[50] = round;
                string garbage = "";
                for (int i = 0; i < 20; i++) garbage += i;
                total += q[50];
            }
        Console.WriteLine(total);
    }
}
